"""What a pair's reading depends on in a transformer, whichever way it was loaded."""

import inspect
from typing import TYPE_CHECKING, TypeAlias

from torch import Tensor, nn

from secondpass.checkpoint.plain.model import PlainBackbone

if TYPE_CHECKING:
    from transformers import PreTrainedModel

AnyBackbone: TypeAlias = "PreTrainedModel | PlainBackbone"
"""transformers', or one that was read without it."""


def n_embeddings(backbone: AnyBackbone) -> int | None:
    """How many tokens it has embeddings for; None where that is no table."""
    if isinstance(backbone, PlainBackbone):
        return int(backbone.config.vocab_size)
    try:
        table = backbone.get_input_embeddings()
    except NotImplementedError:  # CANINE hashes characters into several
        return None
    return table.num_embeddings if isinstance(table, nn.Embedding) else None


def n_token_types(backbone: AnyBackbone) -> int:
    """How many token types it tells apart; 0 where it reads none."""
    stated: int | None = getattr(backbone.config, "type_vocab_size", None)
    if stated is not None:
        return stated
    if isinstance(backbone, PlainBackbone):
        return 0
    return 2 if "token_type_ids" in inspect.signature(backbone.forward).parameters else 0


def stated_tokens(backbone: AnyBackbone) -> int | None:
    """How many tokens its config says it has positions for; None where it does not say."""
    rows = getattr(backbone.config, "max_position_embeddings", None)
    return rows - position_offset(backbone) if isinstance(rows, int) and rows > 0 else None


def readable_tokens(backbone: AnyBackbone) -> int | None:
    """How many tokens it can read; None where its positions have no end.

    DeBERTa's have none where attention knows distances alone: those above the largest that it tells apart are one.
    """
    config = backbone.config
    if getattr(config, "relative_attention", False) and not getattr(config, "position_biased_input", True):
        return None
    return stated_tokens(backbone)


def position_offset(backbone: AnyBackbone) -> int:
    """Positions that are never used: RoBERTa-like models count from pad_token_id + 1, so 514 positions are 512 tokens.

    They are the ones that pair a learned position table, of whatever class, with an integer `padding_idx`.
    """
    if isinstance(backbone, PlainBackbone):
        return 0 if backbone.spec.position_pad_id is None else backbone.spec.position_pad_id + 1
    for module in backbone.modules():
        padding = getattr(module, "padding_idx", None)
        if isinstance(padding, int) and _is_table(getattr(module, "position_embeddings", None)):
            return padding + 1
    return 0


def _is_table(module: object) -> bool:
    """Whether it holds a row for each position: I-BERT's is no `nn.Embedding`."""
    weight = getattr(module, "weight", None)
    return isinstance(weight, Tensor) and weight.dim() == 2  # noqa: PLR2004 - rows and columns
