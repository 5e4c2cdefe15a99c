"""The kinds of self-attention that a layer may have, with their projections, over packed rows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from secondpass.encoder.arithmetic.linear import Linear
from secondpass.encoder.attention.attend import attend, attend_one, attend_states
from secondpass.encoder.attention.disentangled import attend_disentangled, attend_first_disentangled
from secondpass.encoder.attention.relative import PositionTables
from secondpass.encoder.forward_context import ForwardContext
from secondpass.encoder.norm import Norm
from secondpass.encoder.spec import EncoderSpec, LayerSpec

# Self-attention with its projections: what it adds to the rows that its layer keeps (see `Layer`).
# Shape: (n_rows, hidden) -> (n_kept_rows, hidden).
Attention: TypeAlias = Callable[[Tensor, ForwardContext], Tensor]


@dataclass(frozen=True, slots=True)
class Heads:
    """The heads that lie side by side in queries, keys and values, and what is done to each of them.

    Args:
        n_heads: Of queries.
        n_key_heads: Of keys and values; see `EncoderSpec`.
        query_norm: Of every head of queries, before they are rotated; None where there is none.
        key_norm: Of every head of keys.
        causal: See `EncoderSpec`.
    """

    n_heads: int
    n_key_heads: int
    query_norm: Norm | None = None
    key_norm: Norm | None = None
    causal: bool = False

    def split(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values that lie side by side."""
        head_dim = rows.shape[1] // (self.n_heads + 2 * self.n_key_heads)
        widths = (self.n_heads * head_dim, self.n_key_heads * head_dim, self.n_key_heads * head_dim)
        query, key, value = rows.split(widths, dim=1)
        return query, key, value

    def normalise_queries(self, query: Tensor) -> Tensor:
        """Shape: (n_rows, n_heads * head_dim)."""
        return _by_head(self.query_norm, query, self.n_heads)

    def normalise_keys(self, key: Tensor) -> Tensor:
        """Shape: (n_rows, n_key_heads * head_dim)."""
        return _by_head(self.key_norm, key, self.n_key_heads)


def _by_head(norm: Norm | None, rows: Tensor, n_heads: int) -> Tensor:
    return rows if norm is None else norm(rows.unflatten(1, (n_heads, -1))).flatten(1)


@dataclass(frozen=True, slots=True)
class FullAttention:
    """Every token attends; queries, keys and values come from one product."""

    qkv: Linear
    out: Linear
    spec: LayerSpec
    heads: Heads

    def __call__(self, states: Tensor, context: ForwardContext) -> Tensor:
        """See `Attention`. Shape: (n_rows, hidden)."""
        heads = self.heads
        query, key, value = heads.split(self.qkv(states))
        query = context.rotate(heads.normalise_queries(query), self.spec, heads.n_heads)
        key = context.rotate(heads.normalise_keys(key), self.spec, heads.n_key_heads)
        attended = attend(
            query,
            key,
            value,
            context.packing,
            n_heads=heads.n_heads,
            window=self.spec.window,
            causal=heads.causal,
        )
        return self.out(attended)


@dataclass(frozen=True, slots=True)
class PooledAttention:
    """Only one token of each pair attends: all that a head that reads only that token needs of a last layer.

    It is a pair's first one, or its last one, which a causal model lets attend to all of them.
    """

    query: Linear
    key_value: Linear
    out: Linear
    spec: LayerSpec
    heads: Heads

    def __call__(self, states: Tensor, context: ForwardContext) -> Tensor:
        """See `Attention`. Shape: (n_rows, hidden) -> (n_read_rows, hidden)."""
        heads = self.heads
        key, value = self.key_value(states).chunk(2, dim=1)
        query = heads.normalise_queries(self.query(states[context.packing.read_rows]))
        query = context.rotate_read(query, self.spec, heads.n_heads)
        key = context.rotate(heads.normalise_keys(key), self.spec, heads.n_key_heads)
        window = self.spec.window
        return self.out(attend_one(query, key, value, context.packing, n_heads=heads.n_heads, window=window))


@dataclass(frozen=True, slots=True)
class NoAttention:
    """No token attends to any, not even to itself: heads give zeros.

    Args:
        out: What they go through.
        width: Of the heads' outputs, side by side.
    """

    out: Linear
    width: int

    @classmethod
    def in_place_of(cls, attention: Attention, spec: EncoderSpec) -> "NoAttention":
        """What the attention of a causal model's layer comes to."""
        if not isinstance(attention, FullAttention | PooledAttention):
            raise TypeError(f"{type(attention).__name__} is no causal attention")
        return cls(attention.out, spec.n_heads * spec.head_dim)

    def __call__(self, states: Tensor, context: ForwardContext) -> Tensor:  # noqa: ARG002 - as `Attention`
        """See `Attention`. Shape: (n_rows, hidden)."""
        return self.out(states.new_zeros(len(states), self.width))


@dataclass(frozen=True, slots=True)
class AbsorbedAttention:
    """As PooledAttention, without keys and values of all tokens.

    With one query per pair it is cheaper to bring the query to the states than the states to the query:
    q (K x + c) = (q K) x + qc, where qc is the same for all tokens and lost in the softmax, and the average of V x + d
    is V (average of x) + d. Both hold exactly, as long as nothing, such as a rotation, stands between.

    Args:
        query: The queries' product.
        key: K by head, times sqrt(n_heads), for attention over states divides by sqrt(hidden).
            Shape: (n_heads, head_dim, hidden).
        value: V by head, transposed. Shape: (n_heads, hidden, head_dim).
        value_bias: d by head, or None. Shape: (n_heads, 1, head_dim).
        out: After attention.
    """

    query: Linear
    key: Tensor
    value: Tensor
    value_bias: Tensor | None
    out: Linear

    def __call__(self, states: Tensor, context: ForwardContext) -> Tensor:
        """See `Attention`. Shape: (n_rows, hidden) -> (n_read_rows, hidden)."""
        n_heads, head_dim, _ = self.key.shape
        by_head = self.query(states[context.packing.read_rows]).view(-1, n_heads, head_dim).transpose(0, 1)
        query = torch.bmm(by_head, self.key).transpose(0, 1)
        averages = attend_states(query, states, context.packing)
        outputs = torch.bmm(averages.transpose(0, 1), self.value)
        if self.value_bias is not None:
            outputs += self.value_bias
        return self.out(outputs.transpose(0, 1).flatten(1))


@dataclass(frozen=True, slots=True)
class DisentangledAttention:
    """As FullAttention, with scores that also know the distance from query to key."""

    qkv: Linear
    out: Linear
    tables: PositionTables
    n_heads: int

    def __call__(self, states: Tensor, context: ForwardContext) -> Tensor:
        """See `Attention`. Shape: (n_rows, hidden)."""
        query, key, value = self.qkv(states).chunk(3, dim=1)
        tables = context.by_distance(self.tables)
        return self.out(attend_disentangled(query, key, value, context.packing, tables, n_heads=self.n_heads))


@dataclass(frozen=True, slots=True)
class FirstDisentangledAttention:
    """As PooledAttention, with scores that also know the distance from query to key."""

    query: Linear
    key_value: Linear
    out: Linear
    tables: PositionTables
    n_heads: int

    def __call__(self, states: Tensor, context: ForwardContext) -> Tensor:
        """See `Attention`. Shape: (n_rows, hidden) -> (n_read_rows, hidden)."""
        key, value = self.key_value(states).chunk(2, dim=1)
        query, tables = self.query(states[context.packing.read_rows]), context.by_distance(self.tables)
        return self.out(attend_first_disentangled(query, key, value, context.packing, tables, n_heads=self.n_heads))
