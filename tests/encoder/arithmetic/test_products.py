"""Products and feed-forward parts in float32, by oneDNN and by torch's own means, beside the same in float64."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from random_backbones import CPU

from secondpass.encoder import Capabilities
from secondpass.encoder.arithmetic.arithmetic import FloatArithmetic, Weights
from secondpass.encoder.arithmetic.nonlinearity import Nonlinearity

FUNCTIONS: dict[Nonlinearity, Callable[[torch.Tensor], torch.Tensor]] = {
    Nonlinearity.GELU: F.gelu,
    Nonlinearity.GELU_TANH: partial(F.gelu, approximate="tanh"),
    Nonlinearity.RELU: F.relu,
    Nonlinearity.SILU: F.silu,
    Nonlinearity.TANH: torch.tanh,
}
WAYS = [
    pytest.param(replace(CPU, onednn_dtypes=frozenset()), id="torch"),
    pytest.param(
        replace(CPU, onednn_dtypes=frozenset({torch.float32})),
        id="onednn",
        marks=pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="this build of torch has no oneDNN"),
    ),
]


@pytest.fixture(params=WAYS)
def arithmetic(request: pytest.FixtureRequest) -> FloatArithmetic:
    capabilities: Capabilities = request.param
    return FloatArithmetic(torch.float32, capabilities)


def _weights(n_out: int, n_in: int, *, has_bias: bool) -> Weights:
    return Weights(torch.randn(n_out, n_in) / n_in**0.5, torch.randn(n_out) if has_bias else None)


def _product(rows: torch.Tensor, weights: Weights) -> torch.Tensor:
    out = rows.double() @ weights.weight.double().T
    return out if weights.bias is None else out + weights.bias.double()


@pytest.mark.parametrize("has_bias", [True, False])
@pytest.mark.parametrize("nonlinearity", [None, *Nonlinearity])
def test_a_product_applies_what_follows(
    arithmetic: FloatArithmetic, nonlinearity: Nonlinearity | None, *, has_bias: bool
) -> None:
    torch.manual_seed(0)
    rows, weights = 3 * torch.randn(70, 48), _weights(96, 48, has_bias=has_bias)
    expected = _product(rows, weights)
    if nonlinearity is not None:
        expected = FUNCTIONS[nonlinearity](expected)
    out = arithmetic.linear("x", weights, nonlinearity)(rows)
    torch.testing.assert_close(out.double(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("has_bias", [True, False])
@pytest.mark.parametrize("gated", [True, False])
@pytest.mark.parametrize("nonlinearity", list(Nonlinearity))
def test_a_feed_forward_part_leaves_its_rows_as_they_are(
    arithmetic: FloatArithmetic, nonlinearity: Nonlinearity, *, gated: bool, has_bias: bool
) -> None:
    torch.manual_seed(0)
    rows = torch.randn(70, 48)
    up, down = _weights(2 * 96 if gated else 96, 48, has_bias=has_bias), _weights(48, 96, has_bias=has_bias)
    before, function = rows.clone(), FUNCTIONS[nonlinearity]
    inner = _product(rows, up)
    inner = function(inner[:, :96]) * inner[:, 96:] if gated else function(inner)
    expected = inner @ down.weight.double().T + (0 if down.bias is None else down.bias.double())
    out = arithmetic.feed_forward("x", up, down, nonlinearity, gated=gated)(rows)
    torch.testing.assert_close(out.double(), expected, rtol=1e-5, atol=1e-5)
    assert torch.equal(rows, before)
