"""Models that transformers makes from a folder: every weight from the checkpoint, adapters merged.

Imported only where a model needs it: transformers takes seconds.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModelForSequenceClassification, PreTrainedConfig, PreTrainedModel

from secondpass.arguments import describe_error
from secondpass.checkpoint.adapter import WEIGHTS as ADAPTER_WEIGHTS
from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.merging import merge, whole_weights, with_labels_of
from secondpass.checkpoint.quiet import without_load_report, without_progress_bars
from secondpass.checkpoint.stored_formats import stored_half
from secondpass.checkpoint.weights import check_weights, read_tensors, require_all
from secondpass.encoder.architectures import is_causal
from secondpass.errors import CheckpointError

# Where transformers is told to look for adapters, so that it leaves those beside a model's weights to `merge`: it would
# apply them without saying which weights of the model itself are missing.
_NO_ADAPTERS = "no-such-folder"


def load_pretrained(auto: Any, folder: Folder, config: PreTrainedConfig) -> PreTrainedModel:  # noqa: ANN401 - transformers' auto classes share no type
    """The model of a transformers auto class, every weight from the checkpoint.

    It is in float32, or if the encoder knows it as a causal model, and all of its weights are stored in one 16-bit
    format, in that: some have billions, and the packed encoder takes each of them as float32 by itself. An adapter that
    lies in the folder is merged into the weights; it may bring a head that the base does not have.

    Raises:
        CheckpointError: A weight is missing, of another shape, unreadable, or meant for a part this model lacks; or an
            adapter cannot be merged.
        MissingExtraError: There is an adapter, and peft is not installed.
    """
    check_weights(folder)
    # Weights that the base lacks are drawn at random, each of which must then be replaced, or it is refused; the
    # caller's generator is left as it was.
    with torch.random.fork_rng(devices=[]), without_load_report():
        if not folder.has_adapter:
            stays_as_stored = is_causal(config) and not folder.runs_code
            dtype = stored_half(folder) if stays_as_stored else None
            return _from_pretrained(auto, folder, config, dtype or torch.float32, brought=frozenset())
        state = _adapter_state(folder)
        if auto is AutoModelForSequenceClassification:
            config = with_labels_of(folder, config, state)
        model = _from_pretrained(auto, folder, config, torch.float32, brought=whole_weights(state))
        merged = merge(model, folder, state)
    merged.eval()
    return merged


def _from_pretrained(
    auto: Any,  # noqa: ANN401 - as above
    folder: Folder,
    config: PreTrainedConfig,
    dtype: torch.dtype,
    *,
    brought: frozenset[str],
) -> PreTrainedModel:
    """The model without any adapter; weights that an adapter has `brought` along need not be there, or fit."""
    try:
        with without_progress_bars():
            model, report = auto.from_pretrained(
                folder.whole.path,
                config=config,
                dtype=dtype,
                local_files_only=True,
                trust_remote_code=folder.hub.trust_remote_code,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # which are told below, by name
                adapter_kwargs={"subfolder": _NO_ADAPTERS},
            )
    except Exception as error:  # safetensors, pickle and torch all have exceptions of their own
        raise CheckpointError(f"{folder.name}: its weights cannot be loaded: {describe_error(error)}") from error
    mismatched = {name: shapes for name, *shapes in report["mismatched_keys"] if name not in brought}
    _check_n_labels(folder, config, list(mismatched.values()))
    require_all(
        folder,
        missing=set(report["missing_keys"]) - brought,
        mismatched=mismatched,
        unexpected=report["unexpected_keys"],
    )
    if not isinstance(model, PreTrainedModel):
        raise CheckpointError(f"{folder.name}: its class {type(model).__name__} is not a transformers model")
    model.eval()
    return model


def _check_n_labels(folder: Folder, config: PreTrainedConfig, shapes: Sequence[Sequence[Sequence[int]]]) -> None:
    """Raise CheckpointError where the number of labels is all that keeps weights from fitting.

    Args:
        folder: The checkpoint.
        config: Its config.
        shapes: Of each weight that does not fit, as stored and as the config asks for.
    """
    n_labels = {
        tuple(stored[:1]) if tuple(wanted[:1]) == (config.num_labels,) and stored[1:] == wanted[1:] else ()
        for stored, wanted in shapes
    }
    if len(n_labels) == 1 and () not in n_labels:
        ((expected,),) = n_labels
        is_stated = folder.config.get("id2label") or folder.config.get("num_labels")
        got = config.num_labels if is_stated else f"none, which means {config.num_labels}"
        raise CheckpointError(
            f"{folder.name}: config.json: id2label must name as many labels as its head has, {expected}, got {got}"
        )


def _adapter_state(folder: Folder) -> dict[str, Tensor]:
    """An adapter's own weights."""
    for name in ADAPTER_WEIGHTS:
        file = folder.path / name
        if file.is_file():
            return read_tensors(folder, file)
    raise CheckpointError(f"{folder.name} holds the settings of an adapter and no {' or '.join(ADAPTER_WEIGHTS)}")


def backbone_of(model: PreTrainedModel) -> PreTrainedModel:
    """The transformer inside a transformers model with a head."""
    backbone = model.base_model
    if not isinstance(backbone, PreTrainedModel):
        raise CheckpointError(f"{type(model).__name__} has no transformer of its own behind its head")
    return backbone
