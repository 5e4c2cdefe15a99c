"""BERT_Cat: DistilBERT with one linear layer on its first token (Hofstätter et al., arXiv 2010.02666).

The checkpoint's `model_type` is unknown to transformers, and its own class is not published as a package. Its config
holds the inner model's under `bert_model`, its weights are `bert_model.*` and `_classification_layer.*`.
"""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from secondpass.arguments import describe, describe_error
from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.layouts.layout import Layout
from secondpass.checkpoint.ranking_model import PretrainedModel, SplitModel
from secondpass.checkpoint.score_activation import ScoreActivation
from secondpass.checkpoint.stated_sizes import check_sizes
from secondpass.checkpoint.stored_formats import check_formats
from secondpass.checkpoint.tensor_headers import all_headers
from secondpass.checkpoint.weights import fill, load_state
from secondpass.encoder.pooling import Pooling
from secondpass.errors import CheckpointError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_DEFAULT_INNER = "distilbert"


def _matches(folder: Folder) -> bool:
    """Whether config.json says so."""
    return folder.config.get("model_type") == "BERT_Cat"


def _load(folder: Folder) -> PretrainedModel:
    """The inner model and its single linear layer.

    Raises:
        CheckpointError: The inner config is not a model transformers knows, or the weights do not fit.
    """
    state = load_state(folder)
    transformer = _inner_model(folder)
    fill(transformer, _under("bert_model.", state), folder)
    head = nn.Linear(transformer.config.hidden_size, 1, dtype=torch.float32)
    fill(head, _under("_classification_layer.", state), folder)
    return SplitModel(transformer.eval(), Pooling.CLS, head.eval(), {0: "relevance"})


def _tokenizer_id(folder: Folder) -> str:
    """Hub id of the model whose tokenizer the checkpoint uses, as its config names it."""
    return _stated(folder).get("_name_or_path") or "distilbert-base-uncased"


def _stated(folder: Folder) -> dict[str, Any]:
    """What the config says of the inner model: all of it, or no more than its name."""
    stated = folder.config.get("bert_model") or {}
    values = {"_name_or_path": stated} if isinstance(stated, str) else stated
    if not isinstance(values, dict) or not isinstance(values.get("_name_or_path") or "", str):
        raise CheckpointError(
            f"{folder.name}: config.json: bert_model must be a model's config or name, got {describe(stated)}"
        )
    return dict(values)


def _inner_model(folder: Folder) -> "PreTrainedModel":
    from transformers import AutoConfig, AutoModel, PreTrainedModel

    values = _stated(folder)
    model_type = values.pop("model_type", _DEFAULT_INNER)
    headers = all_headers(folder)
    check_formats(folder.name, headers)
    check_sizes(folder.name, headers, values)
    try:
        model = AutoModel.from_config(AutoConfig.for_model(model_type, **values), dtype=torch.float32)
    except Exception as error:  # config classes validate with exceptions of their own, torch with more
        raise CheckpointError(
            f"{folder.name}: config.json: bert_model cannot be built: {describe_error(error)}"
        ) from error
    if not isinstance(model, PreTrainedModel):
        raise CheckpointError(f"{folder.name}: config.json's bert_model is not a transformers model")
    return model


def _under(prefix: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}


LAYOUT = Layout(_matches, _load, tokenizer_id=_tokenizer_id, activation=lambda _: ScoreActivation.IDENTITY)
