"""What values the products of an encoder meet: measured once, on a few texts, to fix the scales of 8-bit numbers."""

from dataclasses import dataclass

import torch
from torch import Tensor

from secondpass.encoder.arithmetic.arithmetic import Weights
from secondpass.encoder.arithmetic.feed_forward import FeedForward, GatedFeedForward, RowFunction
from secondpass.encoder.arithmetic.linear import Linear, PlainLinear
from secondpass.encoder.arithmetic.nonlinearity import Nonlinearity


@dataclass(frozen=True, slots=True)
class Range:
    """The values that a product's input channels took.

    Args:
        low: Shape: (n_in,), float32.
        high: Shape: (n_in,), float32.
    """

    low: Tensor
    high: Tensor

    @property
    def reach(self) -> Tensor:
        """The largest magnitude of each channel. Shape: (n_in,)."""
        return torch.maximum(self.high, -self.low)


class RangeRecorder:
    """Plain float32 arithmetic that records what each product was given; one encoder's, of its last forward pass."""

    def __init__(self) -> None:
        self.ranges: dict[str, Range] = {}

    def linear(self, name: str, weights: Weights, nonlinearity: Nonlinearity | None = None) -> Linear:
        """See `Arithmetic`."""
        product = PlainLinear(weights.weight, weights.bias, nonlinearity)

        def record(rows: Tensor) -> Tensor:
            self.ranges[name] = Range(rows.amin(dim=0), rows.amax(dim=0))
            return product(rows)

        return record

    def feed_forward(
        self, name: str, up: Weights, down: Weights, nonlinearity: Nonlinearity, *, gated: bool
    ) -> RowFunction:
        """See `Arithmetic`."""
        second = self.linear(f"{name}.down", down)
        if gated:
            return GatedFeedForward(self.linear(f"{name}.up", up), second, nonlinearity)
        return FeedForward(self.linear(f"{name}.up", up, nonlinearity), second)
