"""What values the products of an encoder meet: measured once, on a few texts, to fix 8-bit scales."""

from dataclasses import dataclass

import torch
from torch import Tensor

from secondpass.encoder.activations import Activation
from secondpass.encoder.arithmetic import Weights
from secondpass.encoder.feed_forward import FeedForward, GatedFeedForward, Part
from secondpass.encoder.linear import Linear, PlainLinear


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
    """Plain float32 arithmetic that remembers what each product was given; one encoder's, for one forward pass."""

    def __init__(self) -> None:
        self.ranges: dict[str, Range] = {}

    def linear(self, name: str, weights: Weights, activation: Activation | None = None) -> Linear:
        """See `Arithmetic`."""
        product = PlainLinear(weights.weight, weights.bias, activation)

        def recorded(rows: Tensor) -> Tensor:
            self.ranges[name] = Range(rows.amin(dim=0), rows.amax(dim=0))
            return product(rows)

        return recorded

    def feed_forward(self, name: str, up: Weights, down: Weights, activation: Activation, *, gated: bool) -> Part:
        """See `Arithmetic`."""
        second = self.linear(f"{name}.down", down)
        if gated:
            return GatedFeedForward(self.linear(f"{name}.up", up), second, activation)
        return FeedForward(self.linear(f"{name}.up", up, activation), second)
