"""8-bit matrix products: weights scaled per output channel, activations per input channel, both fixed at load time.

The largest value that a channel took over a few calibration texts sets its scale, and the scales of the inputs are
folded into the weights (SmoothQuant, Xiao et al., arXiv:2211.10438), so one integer product serves every
token, with bias and activation applied while the result is in cache. Scales that do not depend on the data at hand keep
scores independent of batch mates.

The inner state of a feed-forward part cannot be scaled per channel, for an activation lies between, and a few of its
channels reach many times the others' range. These few stay in floating point, as a thin feed-forward part of their own
whose result is added: the sum over hidden channels splits exactly.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from secondpass.encoder.arithmetic.arithmetic import FloatArithmetic, Weights
from secondpass.encoder.arithmetic.feed_forward import GatedFeedForward, RowFunction
from secondpass.encoder.arithmetic.linear import FUSED, Linear
from secondpass.encoder.arithmetic.nonlinearity import Nonlinearity
from secondpass.encoder.arithmetic.ranges import Range

_LEVELS = 255
# How much of a channel's range the weights take over from the activations. With 1, a channel of fifteen times the
# others' range coarsens all weights, with 0.5 all activations; 0.75 made the smallest error of a trained model.
_ALPHA = 0.75
# Beyond what the calibration texts reach; values further out are clipped.
_MARGIN = 1.2
# One in this many inner channels of a feed-forward part stays in floating point.
_LOOSE_SHARE = 32


@dataclass(frozen=True, slots=True)
class Grid:
    """The 8-bit numbers of a whole matrix: value = (number - zero) * step."""

    step: float
    zero: int


@dataclass(frozen=True, slots=True)
class Int8Product:
    """An integer product of 8-bit rows.

    Args:
        weight: In oneDNN's packing, signed.
        weight_steps: Shape: (n_out,).
        weight_zeros: All zero; the operator wants them. Shape: (n_out,), int32.
        bias: Float32.
        incoming: What the rows' numbers mean.
        outgoing: The result's grid, or its dtype where it is not 8-bit.
        activation: Applied before the result is stored.
    """

    weight: Tensor
    weight_steps: Tensor
    weight_zeros: Tensor
    bias: Tensor | None
    incoming: Grid
    outgoing: Grid | torch.dtype
    activation: Nonlinearity | None

    def __call__(self, rows: Tensor) -> Tensor:
        """Shape: (n_rows, n_in), uint8 -> (n_rows, n_out)."""
        attribute, algorithm = FUSED[self.activation]
        grid = self.outgoing if isinstance(self.outgoing, Grid) else Grid(1.0, 0)
        out: Tensor = torch.ops.onednn.qlinear_pointwise(
            rows,
            self.incoming.step,
            self.incoming.zero,
            self.weight,
            self.weight_steps,
            self.weight_zeros,
            self.bias,
            grid.step,
            grid.zero,
            torch.uint8 if isinstance(self.outgoing, Grid) else self.outgoing,
            attribute,
            [],
            algorithm,
        )
        return out


@dataclass(frozen=True, slots=True)
class Int8Linear:
    """A product of floating-point rows in 8-bit arithmetic.

    Args:
        product: The product; the input channels' steps are folded into its weights.
        per_step: One over each input channel's step. Shape: (n_in,), float32.
        zero: The number that means 0, and one half for rounding: conversion to integers cuts off. Shape: (1,), float32.
    """

    product: Int8Product
    per_step: Tensor
    zero: Tensor

    def __call__(self, rows: Tensor) -> Tensor:
        """See `Linear`."""
        numbers = torch.addcmul(self.zero, rows, self.per_step).clamp_(0, _LEVELS)
        # torch turns floats into unsigned bytes one by one, but into int16 and on to bytes in vectors.
        return self.product(numbers.to(torch.int16).to(torch.uint8))


@dataclass(frozen=True, slots=True)
class Int8FeedForward:
    """A feed-forward part, most of it in 8-bit arithmetic.

    Args:
        up: To the inner channels of ordinary range, in 8 bits all the way.
        down: And back.
        loose_up: To the few others.
        loose_down: And back.
    """

    up: Int8Linear
    down: Int8Product
    loose_up: Linear
    loose_down: Linear

    def __call__(self, states: Tensor) -> Tensor:
        """Shape: (n_rows, hidden)."""
        return self.down(self.up(states)).add_(self.loose_down(self.loose_up(states)))


@dataclass(frozen=True, slots=True)
class Int8Arithmetic:
    """8-bit products where a range says how, floating point elsewhere.

    Args:
        ranges: The inputs' ranges, by the product's name.
        rest: Makes the other products.
    """

    ranges: Mapping[str, Range]
    rest: FloatArithmetic

    def linear(self, name: str, weights: Weights) -> Linear:
        """See `Arithmetic`."""
        if name not in self.ranges:
            return self.rest.linear(name, weights)
        return _linear(weights, None, inputs=self.ranges[name], outgoing=self.rest.dtype)

    def feed_forward(
        self, name: str, up: Weights, down: Weights, activation: Nonlinearity, *, gated: bool
    ) -> RowFunction:
        """See `Arithmetic`."""
        if f"{name}.up" not in self.ranges:
            return self.rest.feed_forward(name, up, down, activation, gated=gated)
        if gated:
            return GatedFeedForward(self.linear(f"{name}.up", up), self.linear(f"{name}.down", down), activation)
        loose = _loose(self.ranges[f"{name}.down"])
        inner = _grid(self.ranges[f"{name}.down"], ~loose)
        return Int8FeedForward(
            up=_linear(up.outputs(~loose), activation, inputs=self.ranges[f"{name}.up"], outgoing=inner),
            down=_product(down.weight[:, ~loose], down.bias, None, inner, self.rest.dtype),
            loose_up=self.rest.linear(name, up.outputs(loose), activation),
            loose_down=self.rest.linear(name, Weights(down.weight[:, loose], None)),
        )


def _linear(
    weights: Weights, activation: Nonlinearity | None, *, inputs: Range, outgoing: Grid | torch.dtype
) -> Int8Linear:
    """The 8-bit form of a product whose inputs lie in this range."""
    reach = inputs.reach * _MARGIN
    # A channel that the calibration texts left at zero may be used by others.
    reach = reach.clamp(min=float(reach.mean()) / 100)
    steps = reach**_ALPHA
    steps *= (reach / steps).max() / (_LEVELS // 2)
    middle = (_LEVELS + 1) // 2
    product = _product(weights.weight * steps, weights.bias, activation, Grid(1.0, middle), outgoing)
    return Int8Linear(product, 1.0 / steps, torch.tensor([middle + 0.5]))


def _loose(inner: Range) -> Tensor:
    """The inner channels of the widest range. Shape: (n_inner,), bool."""
    reach = inner.reach
    loose = torch.zeros(len(reach), dtype=torch.bool)
    loose[reach.topk(-(-len(reach) // _LOOSE_SHARE)).indices] = True
    return loose


def _grid(inner: Range, kept: Tensor) -> Grid:
    """The grid that holds the kept channels, and zero."""
    low = min(float(inner.low[kept].min()), 0.0) * _MARGIN
    high = max(float(inner.high[kept].max()), 1e-6) * _MARGIN
    step = (high - low) / _LEVELS
    return Grid(step, round(-low / step))


def _product(
    weight: Tensor, bias: Tensor | None, activation: Nonlinearity | None, incoming: Grid, outgoing: Grid | torch.dtype
) -> Int8Product:
    steps = weight.abs().amax(dim=1).clamp(min=1e-12) / (_LEVELS // 2)
    numbers = (weight / steps[:, None]).round_().to(torch.int8)
    return Int8Product(
        weight=torch.ops.onednn.qlinear_prepack(numbers, None),
        weight_steps=steps,
        weight_zeros=torch.zeros(len(steps), dtype=torch.int32),
        bias=None if bias is None else bias.clone(),
        incoming=incoming,
        outgoing=outgoing,
        activation=activation,
    )
