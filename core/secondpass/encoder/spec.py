"""The shape of an encoder, apart from its weights: one frozen value that every part reads."""

from dataclasses import dataclass
from enum import StrEnum

from secondpass.encoder.arithmetic.nonlinearity import Nonlinearity


class NormPlacement(StrEnum):
    """Where a layer normalises: after each residual sum (BERT) or before each part (ModernBERT)."""

    POST = "post"
    PRE = "pre"


@dataclass(frozen=True, slots=True)
class LayerSpec:
    """What may differ from layer to layer.

    Args:
        window: A token attends to those at most this far away; None: to all of its pair.
        rope_theta: Base of the rotary position embedding's frequencies; None: no rotation.
    """

    window: int | None = None
    rope_theta: float | None = None


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """The shape of a transformer encoder.

    Args:
        hidden: Width of a token's state.
        n_heads: Attention heads; they divide `hidden`.
        layers: One entry per layer.
        nonlinearity: Between the two products of the feed-forward part.
        norm_eps: Added to the variance in every normalisation.
        placement: Where the layers normalise.
        gated: Whether the feed-forward part multiplies one half, after the nonlinearity, with the other (GLU).
        position_pad_id: RoBERTa counts positions from this id + 1 and skips tokens that have it; None: from 0.
    """

    hidden: int
    n_heads: int
    layers: tuple[LayerSpec, ...]
    nonlinearity: Nonlinearity
    norm_eps: float
    placement: NormPlacement = NormPlacement.POST
    gated: bool = False
    position_pad_id: int | None = None

    @property
    def head_dim(self) -> int:
        """Width of one head."""
        return self.hidden // self.n_heads
