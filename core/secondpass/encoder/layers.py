"""The parts of a transformer layer, over packed rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from secondpass.encoder.arithmetic.feed_forward import RowFunction
from secondpass.encoder.arithmetic.linear import Linear
from secondpass.encoder.attention.attend import attend, attend_first, attend_states
from secondpass.encoder.attention.rotary import Rotation, rotate
from secondpass.encoder.norm import Norm
from secondpass.encoder.packing import Packing
from secondpass.encoder.spec import LayerSpec, NormPlacement


@dataclass(frozen=True, slots=True)
class Scene:
    """What every layer of one forward pass shares.

    Args:
        packing: Where the pairs lie.
        rotations: The turn of every row, by the base of its frequencies.
    """

    packing: Packing
    rotations: Mapping[float, Rotation]

    def turned(self, rows: Tensor, spec: LayerSpec, n_heads: int) -> Tensor:
        """Queries or keys with their positions turned in, if the layer has rotary ones."""
        return rows if spec.rope_theta is None else rotate(rows, self.rotations[spec.rope_theta], n_heads=n_heads)


class Attention(Protocol):
    """Self-attention with its projections."""

    def __call__(self, states: Tensor, scene: Scene) -> Tensor:
        """What attention adds to the rows that the layer keeps."""
        ...

    def kept(self, states: Tensor, scene: Scene) -> Tensor:
        """The rows that the layer keeps."""
        ...


@dataclass(frozen=True, slots=True)
class FullAttention:
    """Every token attends; queries, keys and values come from one product."""

    qkv: Linear
    out: Linear
    spec: LayerSpec
    n_heads: int

    def __call__(self, states: Tensor, scene: Scene) -> Tensor:
        """See `Attention`. Shape: (n_rows, hidden)."""
        query, key, value = self.qkv(states).chunk(3, dim=1)
        query, key = (scene.turned(rows, self.spec, self.n_heads) for rows in (query, key))
        window = self.spec.window
        return self.out(attend(query, key, value, scene.packing, n_heads=self.n_heads, window=window))

    def kept(self, states: Tensor, scene: Scene) -> Tensor:  # noqa: ARG002 - the protocol's signature
        """All of them."""
        return states


@dataclass(frozen=True, slots=True)
class FirstAttention:
    """Only the first token of each pair attends: all that a last layer owes a head that reads only that token."""

    query: Linear
    key_value: Linear
    out: Linear
    spec: LayerSpec
    n_heads: int

    def __call__(self, states: Tensor, scene: Scene) -> Tensor:
        """See `Attention`. Shape: (n_rows, hidden) -> (n_pairs, hidden)."""
        key, value = self.key_value(states).chunk(2, dim=1)
        query = self.query(self.kept(states, scene))  # at position 0, where a rotary embedding turns nothing
        key, window = scene.turned(key, self.spec, self.n_heads), self.spec.window
        return self.out(attend_first(query, key, value, scene.packing, n_heads=self.n_heads, window=window))

    def kept(self, states: Tensor, scene: Scene) -> Tensor:
        """The first tokens'."""
        return states[scene.packing.first_rows]


@dataclass(frozen=True, slots=True)
class AbsorbedAttention:
    """As FirstAttention, without keys and values of all tokens.

    With one query a pair it is cheaper to bring the query to the states than the states to the query:
    q (K x + c) = (q K) x + qc, where qc is the same for all tokens and lost in the softmax, and the average of V x + d
    is V (average of x) + d. Both hold exactly, as long as nothing, such as a rotation, stands between.

    Args:
        query: The queries' product.
        key: K by head, times sqrt(n_heads), for attention over states divides by sqrt(hidden).
            Shape: (n_heads, head_dim, hidden).
        value: V by head, transposed. Shape: (n_heads, hidden, head_dim).
        value_bias: d by head, or None. Shape: (n_heads, 1, head_dim).
        out: Behind attention.
        window: As in `LayerSpec`.
    """

    query: Linear
    key: Tensor
    value: Tensor
    value_bias: Tensor | None
    out: Linear
    window: int | None

    def __call__(self, states: Tensor, scene: Scene) -> Tensor:
        """See `Attention`. Shape: (n_rows, hidden) -> (n_pairs, hidden)."""
        n_heads, head_dim, _ = self.key.shape
        by_head = self.query(self.kept(states, scene)).view(-1, n_heads, head_dim).transpose(0, 1)
        query = torch.bmm(by_head, self.key).transpose(0, 1)
        averages = attend_states(query, states, scene.packing, window=self.window)
        mixed = torch.bmm(averages.transpose(0, 1), self.value)
        if self.value_bias is not None:
            mixed += self.value_bias
        return self.out(mixed.transpose(0, 1).flatten(1))

    def kept(self, states: Tensor, scene: Scene) -> Tensor:
        """The first tokens'."""
        return states[scene.packing.first_rows]


@dataclass(frozen=True, slots=True)
class Layer:
    """Attention and feed-forward, each added to what came in.

    Args:
        attention: The first part.
        attention_norm: Its normalisation; None in ModernBERT's first layer, whose input is normalised already.
        ffn: The second part.
        ffn_norm: Its normalisation.
        placement: Before the parts or after the sums.
    """

    attention: Attention
    attention_norm: Norm | None
    ffn: RowFunction
    ffn_norm: Norm
    placement: NormPlacement

    def __call__(self, states: Tensor, scene: Scene) -> Tensor:
        """The rows that the layer keeps, one layer on. `states` is left as it is."""
        first = self.attention_norm or _same
        kept = self.attention.kept(states, scene)
        if self.placement is NormPlacement.POST:
            middle = first(self.attention(states, scene).add_(kept))
            return self.ffn_norm(self.ffn(middle).add_(middle))
        middle = self.attention(first(states), scene).add_(kept)
        return self.ffn(self.ffn_norm(middle)).add_(middle)


def _same(states: Tensor) -> Tensor:
    return states
