"""The feed-forward part of a layer: two products with an activation between them."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from secondpass.encoder.activations import Activation, activate
from secondpass.encoder.linear import Linear

Part = Callable[[Tensor], Tensor]
"""What a layer adds to its rows, row by row. Shape: (n_rows, hidden) -> (n_rows, hidden)."""


@dataclass(frozen=True, slots=True)
class FeedForward:
    """Two products; the first one applies the activation itself."""

    up: Linear
    down: Linear

    def __call__(self, states: Tensor) -> Tensor:
        """See `Part`."""
        return self.down(self.up(states))


@dataclass(frozen=True, slots=True)
class GatedFeedForward:
    """Two products and a gate: down(activation(a) * b), a and b the halves of the first (Shazeer, arXiv:2002.05202)."""

    up: Linear
    down: Linear
    activation: Activation

    def __call__(self, states: Tensor) -> Tensor:
        """See `Part`."""
        opened, gate = self.up(states).chunk(2, dim=1)
        return self.down(activate(opened, self.activation).mul_(gate))
