"""Who makes the products of an encoder: the seam between its shape and the numbers it computes in."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from secondpass.encoder.arithmetic.feed_forward import (
    FeedForward,
    FusedGatedFeedForward,
    GatedFeedForward,
    RowFunction,
)
from secondpass.encoder.arithmetic.linear import Linear, PlainLinear
from secondpass.encoder.arithmetic.nonlinearity import Nonlinearity
from secondpass.encoder.arithmetic.onednn import make_onednn_gate, make_onednn_linear
from secondpass.encoder.capabilities import Capabilities


@dataclass(frozen=True, slots=True)
class Weights:
    """What a product multiplies and adds.

    Args:
        weight: Shape: (n_out, n_in), float32.
        bias: Shape: (n_out,), float32, or None.
    """

    weight: Tensor
    bias: Tensor | None

    def outputs(self, channels: Tensor | slice) -> "Weights":
        """Those of some output channels."""
        return Weights(self.weight[channels], None if self.bias is None else self.bias[channels])


class Arithmetic(Protocol):
    """Makes the products of an encoder; `name` is the parameters' own, such as `layers.0.attention.qkv`."""

    def linear(self, name: str, weights: Weights) -> Linear:
        """A product by itself."""
        ...

    def feed_forward(
        self, name: str, up: Weights, down: Weights, nonlinearity: Nonlinearity, *, gated: bool
    ) -> RowFunction:
        """A feed-forward part."""
        ...


@dataclass(frozen=True, slots=True)
class FloatArithmetic:
    """Every product in one floating-point format.

    Args:
        dtype: The format.
        capabilities: Of the device that holds the weights.
    """

    dtype: torch.dtype
    capabilities: Capabilities

    def linear(self, name: str, weights: Weights, nonlinearity: Nonlinearity | None = None) -> Linear:  # noqa: ARG002
        """See `Arithmetic`; with the nonlinearity that follows."""
        device = self.capabilities.device
        weight = weights.weight.to(device, self.dtype)
        bias = None if weights.bias is None else weights.bias.to(device, self.dtype)
        if self.dtype in self.capabilities.onednn_dtypes:
            return make_onednn_linear(weight, bias, nonlinearity)
        return PlainLinear(weight, bias, nonlinearity)

    def feed_forward(
        self, name: str, up: Weights, down: Weights, nonlinearity: Nonlinearity, *, gated: bool
    ) -> RowFunction:
        """See `Arithmetic`."""
        if gated and self.dtype in self.capabilities.onednn_dtypes:
            n_inner = len(up.weight) // 2
            inner, gate = up.outputs(slice(n_inner)), up.outputs(slice(n_inner, None))
            bias = None if gate.bias is None else gate.bias.to(self.dtype)
            return FusedGatedFeedForward(
                inner=self.linear(name, inner, nonlinearity),
                gate=make_onednn_gate(gate.weight.to(self.dtype), bias),
                down=self.linear(name, down),
            )
        if gated:
            return GatedFeedForward(self.linear(name, up), self.linear(name, down), nonlinearity)
        return FeedForward(self.linear(name, up, nonlinearity), self.linear(name, down))
