"""The feed-forward part of a layer: two products with a nonlinearity between them."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from secondpass.encoder.arithmetic.linear import Linear
from secondpass.encoder.arithmetic.nonlinearity import Nonlinearity, apply_nonlinearity
from secondpass.encoder.arithmetic.onednn import OneDnnGate

# What a layer adds to its rows, row by row. Shape: (n_rows, hidden) -> (n_rows, hidden).
RowFunction = Callable[[Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class FeedForward:
    """Two products; the first one applies the nonlinearity itself."""

    up: Linear
    down: Linear

    def __call__(self, states: Tensor) -> Tensor:
        """See `RowFunction`."""
        return self.down(self.up(states))


@dataclass(frozen=True, slots=True)
class GatedFeedForward:
    """Two products and a gate: down(f(a) * b), a and b the halves of the first product (Shazeer, arXiv:2002.05202)."""

    up: Linear
    down: Linear
    nonlinearity: Nonlinearity

    def __call__(self, states: Tensor) -> Tensor:
        """See `RowFunction`."""
        inner, gate = self.up(states).chunk(2, dim=1)
        return self.down(apply_nonlinearity(inner, self.nonlinearity).mul_(gate))


@dataclass(frozen=True, slots=True)
class FusedGatedFeedForward:
    """As GatedFeedForward; the products apply nonlinearity and gate themselves."""

    inner: Linear
    gate: OneDnnGate
    down: Linear

    def __call__(self, states: Tensor) -> Tensor:
        """See `RowFunction`."""
        return self.down(self.gate(states, self.inner(states)))
