"""The shape of an encoder, apart from its weights: one frozen value that every part reads."""

from dataclasses import dataclass
from enum import StrEnum

from secondpass.encoder.arithmetic.nonlinearity import Nonlinearity


class NormPlacement(StrEnum):
    """Where a layer normalises: after each residual sum (BERT) or before each part (ModernBERT)."""

    POST = "post"
    PRE = "pre"


@dataclass(frozen=True, slots=True)
class Rope:
    """Rotary position embedding.

    Args:
        theta: Base of the frequencies theta ** (-2 j / head_dim).
        factor: Every frequency is divided by this (linear scaling).
    """

    theta: float
    factor: float = 1.0


@dataclass(frozen=True, slots=True)
class LayerSpec:
    """What may differ from layer to layer.

    Args:
        window: A token attends to those at most this far away; None: to all of its pair.
        rope: Its rotary positions; None: no rotation.
    """

    window: int | None = None
    rope: Rope | None = None


@dataclass(frozen=True, slots=True)
class RelativeSpec:
    """Disentangled attention (DeBERTa): embeddings of the distance from query to key take part in the scores.

    Args:
        max_distance: Distances are told apart up to this one.
        n_buckets: Of each direction: beyond half of this many, distances share buckets that grow logarithmically; None
            for a bucket per distance.
        content_to_position: Whether queries meet embeddings of distances.
        position_to_content: Whether keys meet them.
    """

    max_distance: int
    n_buckets: int | None
    content_to_position: bool
    position_to_content: bool

    @property
    def span(self) -> int:
        """Embeddings of each direction."""
        return self.max_distance if self.n_buckets is None else self.n_buckets

    @property
    def n_terms(self) -> int:
        """Products that a score is the sum of: content with content, and those with positions."""
        return 1 + self.content_to_position + self.position_to_content


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """The shape of a transformer encoder.

    Args:
        hidden: Width of a token's state.
        n_heads: Attention heads; they divide `hidden`, unless they have a width of their own.
        layers: One entry per layer.
        nonlinearity: Between the two products of the feed-forward part.
        norm_eps: Added to the variance in every normalisation.
        placement: Where the layers normalise.
        gated: Whether the feed-forward part multiplies one half, after the nonlinearity, with the other (GLU).
        position_pad_id: RoBERTa counts positions from this id + 1 and skips tokens that have it; None: from 0.
        relative: Of attention by distances; None where it knows none.
        norms_projection: Whether embeddings narrower than `hidden` are widened before they are normalised (DeBERTa), or
            after it (ELECTRA).
        n_key_heads: Heads of keys and values, each of which equally many heads of queries share, neighbours (Ainslie et
            al., arXiv:2305.13245); None: as many as `n_heads`.
        own_head_dim: Width of a head; None: `hidden` / `n_heads`.
        causal: Whether a token attends to itself and those before it alone; then no layer has a window.
        rms_norms: Whether normalisation divides by the root mean square, and subtracts no mean (Zhang and Sennrich,
            arXiv:1910.07467).
    """

    hidden: int
    n_heads: int
    layers: tuple[LayerSpec, ...]
    nonlinearity: Nonlinearity
    norm_eps: float
    placement: NormPlacement = NormPlacement.POST
    gated: bool = False
    position_pad_id: int | None = None
    relative: RelativeSpec | None = None
    norms_projection: bool = False
    n_key_heads: int | None = None
    own_head_dim: int | None = None
    causal: bool = False
    rms_norms: bool = False

    def __post_init__(self) -> None:
        """Refuse what no attention here computes.

        Raises:
            ValueError: Heads that cannot share keys equally, or a window of a causal layer.
        """
        if self.n_heads % self.key_heads != 0:
            raise ValueError(f"n_heads must be a multiple of n_key_heads, got {self.n_heads} and {self.n_key_heads}")
        if self.causal and any(layer.window is not None for layer in self.layers):
            raise ValueError("a causal encoder must have no window")

    @property
    def head_dim(self) -> int:
        """Width of one head."""
        return self.hidden // self.n_heads if self.own_head_dim is None else self.own_head_dim

    @property
    def key_heads(self) -> int:
        """Heads of keys and values."""
        return self.n_heads if self.n_key_heads is None else self.n_key_heads
