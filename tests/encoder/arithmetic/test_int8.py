"""8-bit products: the scales, the channels left in floating point, and what int8 asks for."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from random_backbones import CPU, backbone, packed_form, random_batch, rounding_texts

from secondpass.encoder import Pooling, Precision, TokenBatch
from secondpass.encoder.arithmetic.arithmetic import FloatArithmetic, Weights
from secondpass.encoder.arithmetic.int8 import Int8Arithmetic, Int8FeedForward, weight_scales
from secondpass.encoder.arithmetic.nonlinearity import Nonlinearity
from secondpass.encoder.arithmetic.ranges import Range

FLOAT = FloatArithmetic(torch.float32, CPU)

pytestmark = pytest.mark.skipif(not CPU.int8_products, reason="this CPU has no 8-bit products")


def _weights(n_out: int, n_in: int) -> Weights:
    return Weights(torch.randn(n_out, n_in) / n_in**0.5, torch.randn(n_out))


def _relative(got: torch.Tensor, expected: torch.Tensor) -> float:
    return float((got - expected).norm() / expected.norm())


def test_a_product_errs_by_about_one_in_the_levels() -> None:
    torch.manual_seed(0)
    rows, weights = torch.randn(200, 64), _weights(48, 64)
    product = Int8Arithmetic({"x": Range(rows.amin(0), rows.amax(0))}, FLOAT).linear("x", weights)
    assert _relative(product(rows), FLOAT.linear("x", weights)(rows)) < 0.01


def test_a_wide_channel_does_not_blur_the_others() -> None:
    torch.manual_seed(0)
    rows, weights = torch.randn(200, 64), _weights(48, 64)
    rows[:, 5] *= 30
    weights.weight[:, 5] /= 30
    product = Int8Arithmetic({"x": Range(rows.amin(0), rows.amax(0))}, FLOAT).linear("x", weights)
    assert _relative(product(rows), FLOAT.linear("x", weights)(rows)) < 0.03


def test_a_channel_far_to_one_side_of_zero_blurs_nothing() -> None:
    torch.manual_seed(0)
    rows, weights = torch.randn(200, 64), _weights(48, 64)
    rows[:, 5] += 30
    product = Int8Arithmetic({"x": Range(rows.amin(0), rows.amax(0))}, FLOAT).linear("x", weights)
    error = (product(rows) - FLOAT.linear("x", weights)(rows)).std(dim=0)
    assert error.max() < 0.02


def test_values_beyond_the_measured_range_are_clipped_not_wrapped() -> None:
    weights = Weights(torch.eye(8), None)
    product = Int8Arithmetic({"x": Range(-torch.ones(8), torch.ones(8))}, FLOAT).linear("x", weights)
    out = product(torch.full((1, 8), 100.0))
    assert ((out > 1.0) & (out < 1.3)).all()
    out = product(torch.full((1, 8), -100.0))
    assert ((out < -1.0) & (out > -1.3)).all()


def test_neighbouring_products_do_not_overflow_16_bits() -> None:
    """Where two are added in 16 bits, 64 times the largest input with the largest weight would give half."""
    weights = Weights(torch.ones(1, 64), None)
    product = Int8Arithmetic({"x": Range(-torch.ones(64), torch.ones(64))}, FLOAT).linear("x", weights)
    highest, at_most_one = product(torch.tensor([[100.0], [1.0]]).expand(2, 64))
    assert 64 < highest < 64 * 1.3
    assert at_most_one == pytest.approx(64, rel=0.01)


@given(
    weight=arrays(np.float32, st.tuples(st.integers(1, 5), st.integers(1, 9)), elements=st.floats(-8, 8, width=16)),
)
def test_weights_of_neighbours_fit_16_bits(weight: NDArray[np.float32]) -> None:
    scales = weight_scales(torch.from_numpy(weight), in_pairs=True)
    numbers = (torch.from_numpy(weight) / scales[:, None]).round()
    assert numbers.abs().max() <= 127
    for row in numbers.tolist():
        for first, second in zip(row[::2], [*row[1::2], 0.0], strict=False):
            low, high = min(first, 0) + min(second, 0), max(first, 0) + max(second, 0)
            assert 255 * low >= -(2**15)
            assert 255 * high < 2**15


def test_weights_are_no_coarser_than_16_bits_ask_for() -> None:
    """Where two are added in 16 bits, a pair of one sign counts as its sum, and one of two signs as its larger part."""
    weight = torch.tensor([[1.0, 2.0, -3.0, 4.0], [0.5, 0.5, 0.0, 0.0], [-2.0, -1.0, 1.0, 0.0]])
    for in_pairs, largest in ((True, [4.0, 1.0, 3.0]), (False, [4.0, 0.5, 2.0])):
        torch.testing.assert_close(weight_scales(weight, in_pairs=in_pairs), torch.tensor(largest) / 127)


def test_inputs_that_are_always_zero_give_the_bias() -> None:
    weights = _weights(8, 16)
    product = Int8Arithmetic({"x": Range(torch.zeros(16), torch.zeros(16))}, FLOAT).linear("x", weights)
    assert weights.bias is not None
    torch.testing.assert_close(product(torch.zeros(2, 16)), weights.bias.expand(2, 8))


def test_inner_channels_of_wide_range_stay_in_floating_point() -> None:
    torch.manual_seed(0)
    up, down = _weights(96, 32), _weights(32, 96)
    up.weight[7] *= 40
    rows = torch.randn(300, 32)
    inner = torch.nn.functional.gelu(torch.nn.functional.linear(rows, up.weight, up.bias))
    ranges = {
        "f.up": Range(rows.amin(0), rows.amax(0)),
        "f.down": Range(inner.amin(0), inner.amax(0)),
    }
    part = Int8Arithmetic(ranges, FLOAT).feed_forward("f", up, down, Nonlinearity.GELU, gated=False)
    assert isinstance(part, Int8FeedForward)
    expected = FLOAT.feed_forward("f", up, down, Nonlinearity.GELU, gated=False)(rows)
    assert _relative(part(rows), expected) < 0.01
    assert part.up.product.outgoing.scale < 0.1  # type: ignore[union-attr] # of the ordinary channels, not of the 7th


def test_int8_needs_range_texts() -> None:
    with pytest.raises(ValueError, match="this precision needs rounding texts"):
        packed_form(backbone("bert"), precision=Precision.INT8, pooling=Pooling.CLS, capabilities=CPU)


def test_a_pair_alone_equals_the_pair_among_others() -> None:
    """The scales are fixed at load time: batch mates change nothing."""
    model = backbone("bert")
    encoder = packed_form(
        model, precision=Precision.INT8, pooling=Pooling.CLS, capabilities=CPU, rounding_texts=rounding_texts(model)
    )
    assert encoder is not None
    batch = random_batch(model, (5, 17, 17, 40))
    alone = [
        encoder(TokenBatch(ids, types, (len(ids),)))
        for ids, types in zip(batch.ids.split(batch.lengths), batch.type_ids.split(batch.lengths), strict=True)
    ]
    torch.testing.assert_close(encoder(batch), torch.cat(alone), rtol=0, atol=1e-2)
