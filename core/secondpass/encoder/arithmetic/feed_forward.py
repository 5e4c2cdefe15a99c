"""The feed-forward part of a layer: two products with an activation between them."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from secondpass.encoder.arithmetic.linear import Linear
from secondpass.encoder.arithmetic.nonlinearity import Nonlinearity, apply_nonlinearity

RowFunction = Callable[[Tensor], Tensor]
"""What a layer adds to its rows, row by row. Shape: (n_rows, hidden) -> (n_rows, hidden)."""


@dataclass(frozen=True, slots=True)
class FeedForward:
    """Two products; the first one applies the activation itself."""

    up: Linear
    down: Linear

    def __call__(self, states: Tensor) -> Tensor:
        """See `RowFunction`."""
        return self.down(self.up(states))


@dataclass(frozen=True, slots=True)
class GatedFeedForward:
    """Two products and a gate: down(activation(a) * b), a and b the halves of the first (Shazeer, arXiv:2002.05202)."""

    up: Linear
    down: Linear
    activation: Nonlinearity

    def __call__(self, states: Tensor) -> Tensor:
        """See `RowFunction`."""
        opened, gate = self.up(states).chunk(2, dim=1)
        return self.down(apply_nonlinearity(opened, self.activation).mul_(gate))
