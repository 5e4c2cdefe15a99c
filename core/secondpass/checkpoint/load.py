"""One checkpoint, whole: its networks, how it reads pairs, which label counts, and the unit of its scores."""

import inspect
from dataclasses import dataclass
from typing import Literal

from transformers import PreTrainedTokenizerBase

from secondpass.checkpoint import activation, labels, limits
from secondpass.checkpoint.activation import Activation
from secondpass.checkpoint.families import bert_cat, causal, family_of
from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.known import KnownCheckpoint, lookup
from secondpass.checkpoint.ranking_model import RankingModel
from secondpass.checkpoint.source import Source
from secondpass.checkpoint.tokenizer import load_tokenizer, pair_template, tokenize_with
from secondpass.errors import CheckpointError
from secondpass.options import ActivationName
from secondpass.pairs import PairEncoder, PromptEncoder, TwoTextEncoder


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Everything a score needs.

    Args:
        name: What the user called it.
        family: Which family read it.
        model: The networks, in float32 on the CPU.
        encode: Pairs to tokens.
        max_length: Tokens of a pair, specials included.
        label: The column of the logits that means relevant.
        activation: Relevance logit to score.
        padding_side: Where the model expects padding, should it need any.
    """

    name: str
    family: str
    model: RankingModel
    encode: PairEncoder
    max_length: int
    label: int
    activation: Activation
    padding_side: Literal["left", "right"]


def load_checkpoint(
    source: Source,
    *,
    max_length: int | None = None,
    activation_name: ActivationName | None = None,
    label: int | str | None = None,
) -> Checkpoint:
    """A checkpoint and how to score with it; what the caller leaves open, the checkpoint decides.

    Args:
        source: Where it is.
        max_length: Tokens of a pair, specials included; None: the checkpoint's own limit.
        activation_name: "identity" or "sigmoid"; None: the checkpoint's own.
        label: Index or name of the relevant label; None: resolved.

    Raises:
        CheckpointError: It cannot be scored the way its authors meant.
        InputError: An argument does not fit the checkpoint.
    """
    folder = source.folder()
    folder.require_config()
    known = lookup(folder)
    if known is not None and known.kind == "bi-encoder":
        raise CheckpointError(f"{folder.name} is a bi-encoder and has no head for pairs; use secondpass.BiEncoder")
    family = family_of(folder, known)
    model = family.load(folder, source)
    n_labels = len(model.labels)
    tokenizer = load_tokenizer(folder, source, known_base=_tokenizer_base(folder, known))
    if model.backbone.config.pad_token_id is None:
        # Classifiers on causal models find a text's last token by it and refuse batches without.
        model.backbone.config.pad_token_id = tokenizer.pad_token_id
    encode, length = _pair_encoder(folder, model, tokenizer, max_length)
    return Checkpoint(
        name=source.name,
        family=family.name,
        model=model,
        encode=encode,
        max_length=length,
        label=(
            labels.requested(label, n_labels, model.labels)
            if label is not None
            else labels.of_checkpoint(folder.name, n_labels, model.labels, known.label if known else None)
        ),
        activation=(
            activation.of_checkpoint(folder, n_labels) if activation_name is None else Activation(activation_name)
        ),
        padding_side=_side(tokenizer.padding_side),
    )


def _tokenizer_base(folder: Folder, known: KnownCheckpoint | None) -> str | None:
    if known is not None and known.tokenizer is not None:
        return known.tokenizer
    return bert_cat.tokenizer_base(folder) if bert_cat.matches(folder, known) else None


def _pair_encoder(
    folder: Folder, model: RankingModel, tokenizer: PreTrainedTokenizerBase, max_length: int | None
) -> tuple[PairEncoder, int]:
    """How this model reads pairs, and the limit in force."""
    tokenize = tokenize_with(tokenizer)
    limit = limits.Limit.of(folder, tokenizer, model.backbone)
    if causal.matches(folder, None):
        recipe = causal.recipe_of(folder)
        before, after = (tuple(tokenizer.encode(t, add_special_tokens=False)) for t in (recipe.before, recipe.after))
        length = limit.at_most(recipe.max_length).resolve(folder.name, max_length, len(before) + len(after))
        return PromptEncoder(tokenize, before, recipe.body, after, length), length
    template = pair_template(tokenizer, with_types=_reads_types(model, tokenizer))
    length = limit.resolve(folder.name, max_length, template.n_special)
    return TwoTextEncoder(
        tokenize, template, length, prompt=_default_prompt(folder), truncation_side=_side(tokenizer.truncation_side)
    ), length


def _side(stated: str) -> Literal["left", "right"]:
    return "left" if stated == "left" else "right"


def _reads_types(model: RankingModel, tokenizer: PreTrainedTokenizerBase) -> bool:
    """Token types count where the tokenizer makes them and the model reads more than one."""
    n_types = getattr(model.backbone.config, "type_vocab_size", None)
    if n_types is None:
        n_types = 2 if "token_type_ids" in inspect.signature(model.backbone.forward).parameters else 0
    return n_types > 1 and "token_type_ids" in tokenizer.model_input_names


def _default_prompt(folder: Folder) -> str:
    """The text sentence-transformers puts before the first of two texts; "" if none."""
    config = folder.json("config_sentence_transformers.json")
    name, prompts = config.get("default_prompt_name"), config.get("prompts") or {}
    if name is None:
        return ""
    if not isinstance(prompts, dict) or not isinstance(prompts.get(name), str):
        raise CheckpointError(f"{folder.name}: default_prompt_name {name!r} is not among its prompts")
    return str(prompts[name])
