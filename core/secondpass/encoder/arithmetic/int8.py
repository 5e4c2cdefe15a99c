"""8-bit matrix products: weights scaled per output channel, inputs per input channel, both fixed at load time.

The values that a channel took over a few texts set its scale, and the scales of the inputs are folded into the weights
(SmoothQuant, Xiao et al., arXiv:2211.10438), so one integer product serves every token, with bias and nonlinearity
applied while the result is in cache. Numbers count from the middle of a channel's values, which is folded into the
bias (Outlier Suppression+, Wei et al., arXiv:2304.09145): the widest channels lie far to one side of zero. Scales that
do not depend on the data at hand keep scores independent of batch mates.

The inner state of a feed-forward part cannot be scaled per channel, for a nonlinearity lies between, and a few of its
channels reach many times the others' range. These outliers stay in floating point, as a thin feed-forward part of their
own whose result is added: the sum over hidden channels splits exactly.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from secondpass.encoder.arithmetic.arithmetic import FloatArithmetic, Weights
from secondpass.encoder.arithmetic.feed_forward import GatedFeedForward, RowFunction
from secondpass.encoder.arithmetic.linear import Linear
from secondpass.encoder.arithmetic.nonlinearity import Nonlinearity
from secondpass.encoder.arithmetic.onednn import Int8Product, Quantization, make_int8_product
from secondpass.encoder.arithmetic.ranges import Range
from secondpass.encoder.capabilities import Capabilities
from secondpass.encoder.round_up import ceil_div

# The largest of the 8-bit numbers.
_LEVELS = 255
# How much of a channel's range the weights take over from the inputs. With 1, a channel of fifteen times the others'
# range coarsens all weights, with 0.5 all inputs; 0.75 made the smallest error of a trained model.
_ALPHA = 0.75
# Rounded weights of two neighbours sum up to no more than this and 1, and the most in 16 bits is 32,767 = 255 * 128.5.
_LARGEST_PAIR = 127
# Beyond what the range texts reach; values further out are clipped.
_HEADROOM = 1.2
# Of this many inner channels of a feed-forward part one is an outlier and stays in floating point.
_CHANNELS_PER_OUTLIER = 32
# A channel counts as reaching at least the mean reach divided by this: the range texts may leave at zero what other
# texts use.
_MEAN_REACH_TO_LEAST = 100
# Above zero, so that what is zero throughout, inputs, inner channels or rows of weights, has a scale to divide by.
_LEAST_REACH = 1e-6
_LEAST_INNER_HIGH = 1e-6
_LEAST_WEIGHT = 1e-12


@dataclass(frozen=True, slots=True)
class Int8Linear:
    """A product of floating-point rows in 8-bit arithmetic.

    Args:
        product: The product; the input channels' scales are folded into its weights, their middles into its bias.
        inverse_scales: One over each input channel's scale. Shape: (n_in,), float32.
        zero_points: The number that each channel's 0 becomes, and one half for rounding, as conversion to integers
            truncates. Shape: (n_in,), float32.
    """

    product: Int8Product
    inverse_scales: Tensor
    zero_points: Tensor

    def __call__(self, rows: Tensor) -> Tensor:
        """See `Linear`."""
        # What is widened is new, and takes the sums in place: more new memory takes longer than they do.
        wide = rows.float()
        numbers = torch.addcmul(self.zero_points, wide, self.inverse_scales, out=None if wide is rows else wide)
        numbers.clamp_(0, _LEVELS)
        # torch turns floats into unsigned bytes one by one, but into int16 and on to bytes in vectors.
        return self.product(numbers.to(torch.int16).to(torch.uint8))


@dataclass(frozen=True, slots=True)
class Int8FeedForward:
    """A feed-forward part, most of it in 8-bit arithmetic.

    Args:
        up: To the inner channels of ordinary range, in 8 bits all the way.
        down: And back.
        outlier_up: To the few others.
        outlier_down: And back.
    """

    up: Int8Linear
    down: Int8Product
    outlier_up: Linear
    outlier_down: Linear

    def __call__(self, states: Tensor) -> Tensor:
        """Shape: (n_rows, hidden)."""
        return self.down(self.up(states)).add_(self.outlier_down(self.outlier_up(states)))


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
        return self._linear(weights, None, inputs=self.ranges[name], outgoing=self.rest.dtype)

    def feed_forward(
        self, name: str, up: Weights, down: Weights, nonlinearity: Nonlinearity, *, gated: bool
    ) -> RowFunction:
        """See `Arithmetic`."""
        if f"{name}.up" not in self.ranges:
            return self.rest.feed_forward(name, up, down, nonlinearity, gated=gated)
        if gated:
            return GatedFeedForward(self.linear(f"{name}.up", up), self.linear(f"{name}.down", down), nonlinearity)
        outliers = _outliers(self.ranges[f"{name}.down"])
        inner = _quantization(self.ranges[f"{name}.down"], ~outliers)
        return Int8FeedForward(
            up=self._linear(up.outputs(~outliers), nonlinearity, inputs=self.ranges[f"{name}.up"], outgoing=inner),
            down=self._product(Weights(down.weight[:, ~outliers], down.bias), None, inner, self.rest.dtype),
            outlier_up=self.rest.linear(name, up.outputs(outliers), nonlinearity),
            outlier_down=self.rest.linear(name, Weights(down.weight[:, outliers], None)),
        )

    def _linear(
        self,
        weights: Weights,
        nonlinearity: Nonlinearity | None,
        *,
        inputs: Range,
        outgoing: Quantization | torch.dtype,
    ) -> Int8Linear:
        """A product whose inputs lie in this range."""
        middle = (inputs.low + inputs.high) / 2
        reach = (inputs.high - inputs.low) / 2 * _HEADROOM
        reach = reach.clamp(min=max(float(reach.mean()) / _MEAN_REACH_TO_LEAST, _LEAST_REACH))
        scales = reach**_ALPHA
        scales *= (reach / scales).max() / (_LEVELS // 2)
        middle_number = (_LEVELS + 1) // 2
        scaled = Weights(weights.weight * scales, F.linear(middle, weights.weight, weights.bias))
        product = self._product(scaled, nonlinearity, Quantization(1.0, middle_number), outgoing)
        return Int8Linear(product, 1.0 / scales, middle_number + 0.5 - middle / scales)

    def _product(
        self,
        weights: Weights,
        nonlinearity: Nonlinearity | None,
        incoming: Quantization,
        outgoing: Quantization | torch.dtype,
    ) -> Int8Product:
        """With its weights rounded to 8 bits, each output channel's by a scale of its own."""
        scales = weight_scales(weights.weight, in_pairs=self.rest.capabilities.int8_pairs)
        numbers = (weights.weight / scales[:, None]).round_().to(torch.int8)
        return make_int8_product(numbers, scales, weights.bias, nonlinearity, incoming, outgoing)


def worthwhile_ranges(ranges: Mapping[str, Range], capabilities: Capabilities, *, n_layers: int) -> dict[str, Range]:
    """The ranges of those products that gain from 8-bit arithmetic on this device."""
    return {name: values for name, values in ranges.items() if _is_worthwhile(name, capabilities, n_layers)}


def _is_worthwhile(name: str, capabilities: Capabilities, n_layers: int) -> bool:
    # What the last layer rounds goes straight into the scores, and under CLS pooling there is little to save.
    if name.startswith(f"layers.{n_layers - 1}."):
        return False
    # AMX multiplies bfloat16 so fast that turning attention's inputs into 8 bits takes longer than their products save.
    return ".ffn." in name or not capabilities.matrix_units


def _outliers(inner: Range) -> Tensor:
    """The inner channels of the widest range. Shape: (n_inner,), bool."""
    reach = inner.reach
    outliers = torch.zeros(len(reach), dtype=torch.bool)
    outliers[reach.topk(ceil_div(len(reach), _CHANNELS_PER_OUTLIER)).indices] = True
    return outliers


def _quantization(inner: Range, channels: Tensor) -> Quantization:
    """8-bit numbers that hold the values of these channels, and zero."""
    low = min(float(inner.low[channels].min()), 0.0) * _HEADROOM
    high = max(float(inner.high[channels].max()), _LEAST_INNER_HIGH) * _HEADROOM
    scale = (high - low) / _LEVELS
    return Quantization(scale, round(-low / scale))


def weight_scales(weight: Tensor, *, in_pairs: bool) -> Tensor:
    """What one step of each output channel's 8-bit weights is worth. Shape: (n_out,).

    Args:
        weight: Shape: (n_out, n_in).
        in_pairs: See `Capabilities.int8_pairs`.
    """
    scales = weight.abs().amax(dim=1) / (_LEVELS // 2)
    if in_pairs:
        pairs = F.pad(weight, (0, weight.shape[1] % 2)).unflatten(1, (-1, 2))
        # Inputs are not negative, so two products lie furthest from zero together where both weights have one sign.
        sums = torch.maximum(pairs.clamp(min=0).sum(dim=2), -pairs.clamp(max=0).sum(dim=2))
        scales = torch.maximum(scales, sums.amax(dim=1) / _LARGEST_PAIR)
    return scales.clamp(min=_LEAST_WEIGHT)
