"""Bi-encoders: models that embed query and document apart, which the cards' tables also re-rank with."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import transformers
from torch import nn
from transformers import AutoModel, PreTrainedTokenizerBase

from secondpass.checkpoint.backbone_facts import n_embeddings
from secondpass.checkpoint.chat_template import message_settings
from secondpass.checkpoint.checkpoint_files import CheckpointFiles
from secondpass.checkpoint.config import load_config
from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.limits import Limit
from secondpass.checkpoint.pretrained import load_pretrained
from secondpass.checkpoint.pretrained_tokenizer import load_tokenizer
from secondpass.checkpoint.ranking_model import SplitModel
from secondpass.checkpoint.settings import check_settings
from secondpass.checkpoint.source import find
from secondpass.checkpoint.st_modules import ModuleSpec, is_cross_encoder, layers_of, module_specs, pooling_of
from secondpass.checkpoint.stored_prompts import default_prompt_name, stored_prompts
from secondpass.checkpoint.tokenizer import check_vocabulary, gives_types, side, single_text_specials, tokenize_with
from secondpass.encoder.pooling import Pooling
from secondpass.errors import CheckpointError
from secondpass.options import HubOptions
from secondpass.tokenization.pairs import OneTextTokenizer

# Names under which checkpoints keep a prompt, in sentence-transformers' order. There every model has a "document", if
# an empty one, and the other two are never reached; here they are, as their models were trained with them.
QUERY_PROMPTS = ("query",)
DOCUMENT_PROMPTS = ("document", "passage", "corpus")


@dataclass(frozen=True, slots=True)
class EmbeddingModel:
    """A text embedder and how it reads.

    Args:
        model: Transformer, pooling, and the layers behind it.
        tokenizer: Its tokenizer.
        folder: Where it came from.
        files: What lay there before the first file was loaded.
        max_length: Tokens of a text, specials included.
        cosine: Whether vectors are compared by cosine rather than by their dot product.
    """

    model: SplitModel
    tokenizer: PreTrainedTokenizerBase
    folder: Folder
    files: CheckpointFiles
    max_length: int
    cosine: bool

    def text_tokenizer(self, prompt_names: Sequence[str]) -> OneTextTokenizer:
        """How texts are read under the first of these prompts that the checkpoint has."""
        before, after = single_text_specials(self.tokenizer, self.folder.name)
        prompt = _prompt(self.folder, prompt_names)
        return OneTextTokenizer(
            tokenize_with(self.tokenizer),
            before,
            after,
            self.max_length,
            prompt,
            side(self.tokenizer.truncation_side),
        )


def load_embedding(name: str, hub: HubOptions, max_length: int | None) -> EmbeddingModel:
    """A bi-encoder: a sentence-transformers folder, one side of a DPR pair, or a plain transformer.

    A plain transformer is read by its mean, a causal language model by its last token.

    Raises:
        CheckpointError: It is a cross-encoder, or cannot be read the way its authors meant.
        InputError: max_length does not fit it.
    """
    folder = find(name, hub)
    files = CheckpointFiles(folder)
    check_settings(folder)
    specs = module_specs(folder)
    # Before sentence-transformers 3 the transformer, with all that belongs to it, could lie in a subfolder of its own.
    inner = folder.subfolder(specs[0].path) if specs else folder
    inner.require_config()
    if is_cross_encoder(folder) or inner.is_classifier:
        raise CheckpointError(f"{folder.name} is a cross-encoder: it scores pairs; use secondpass.CrossEncoder")
    if inner.config.get("model_type") == "dpr":
        model = _load_dpr(inner, inner.architectures[0])
    else:
        model = _load_modules(folder, inner, specs)
    tokenizer = load_tokenizer(inner)
    if message_settings(inner, tokenizer) is not None:
        raise CheckpointError(
            f"{inner.name}: its texts go through a chat template (modality_config); "
            "bi-encoders with a chat template cannot be scored yet"
        )
    model = replace(model, reads_types=gives_types(tokenizer))
    check_vocabulary(inner, tokenizer, n_embeddings(model.backbone))
    before, after = single_text_specials(tokenizer, folder.name)
    length = Limit.of(inner, tokenizer, model.backbone).resolve(
        folder.name, max_length, len(before) + len(after), unit="text"
    )
    stated = folder.sentence_transformers_config.get("similarity_fn_name") or "cosine"
    if stated not in ("cosine", "dot"):
        raise CheckpointError(f'{folder.name}: similarity_fn_name must be "cosine" or "dot", got {stated!r}')
    return EmbeddingModel(model, tokenizer, folder, files, length, cosine=stated == "cosine")


def _load_modules(folder: Folder, inner: Folder, specs: Sequence[ModuleSpec]) -> SplitModel:
    config = load_config(inner)
    # sentence-transformers' rule, and its marks of a causal model.
    is_causal = any(name.endswith("ForCausalLM") for name in inner.architectures[:1])
    pooling = Pooling.LAST if is_causal and getattr(config, "is_causal", True) else Pooling.MEAN
    if specs:
        if [spec.kind for spec in specs[:2]] != ["Transformer", "Pooling"]:
            raise CheckpointError(f"{folder.name}: modules must begin with Transformer and Pooling")
        pooling = pooling_of(folder, specs[1])
    backbone = load_pretrained(AutoModel, inner, config)
    return SplitModel(backbone, pooling, layers_of(folder, specs[2:]), {})


def _load_dpr(folder: Folder, architecture: str) -> SplitModel:
    """One side of a DPR pair (Karpukhin et al., arXiv 2004.04906): the first token, projected if it has a layer."""
    sides = {"DPRQuestionEncoder": "question_encoder", "DPRContextEncoder": "ctx_encoder"}
    if architecture not in sides:
        raise CheckpointError(f"{folder.name}: a DPR encoder must be one of {sorted(sides)}, got {architecture}")
    whole = load_pretrained(getattr(transformers, architecture), folder, load_config(folder))
    encoder = getattr(whole, sides[architecture])
    projection: nn.Module = encoder.encode_proj if encoder.projection_dim > 0 else nn.Identity()
    return SplitModel(encoder.bert_model, Pooling.CLS, projection, {})


def _prompt(folder: Folder, names: Sequence[str]) -> str:
    prompts = stored_prompts(folder)
    default_prompt_name(folder)  # is read only to be checked: queries and documents never fall back to it
    return next((prompts[name] for name in names if name in prompts), "")
