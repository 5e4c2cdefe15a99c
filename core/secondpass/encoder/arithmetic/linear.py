"""The matrix products: y = nonlinearity(x W^T + b), the weights laid out once for the machine at hand."""

from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from secondpass.encoder.arithmetic.nonlinearity import Nonlinearity, apply_nonlinearity
from secondpass.encoder.arithmetic.onednn import make_onednn_linear
from secondpass.encoder.capabilities import Capabilities


class Linear(Protocol):
    """A matrix product with its weights."""

    def __call__(self, rows: Tensor) -> Tensor:
        """The product. Shape: (n_rows, n_in) -> (n_rows, n_out)."""
        ...


@dataclass(frozen=True, slots=True)
class PlainLinear:
    """torch's own product."""

    weight: Tensor
    bias: Tensor | None
    nonlinearity: Nonlinearity | None

    def __call__(self, rows: Tensor) -> Tensor:
        """See `Linear`."""
        out = F.linear(rows, self.weight, self.bias)
        return out if self.nonlinearity is None else apply_nonlinearity(out, self.nonlinearity)


def make_linear(
    weight: Tensor,
    bias: Tensor | None,
    nonlinearity: Nonlinearity | None,
    *,
    dtype: torch.dtype,
    capabilities: Capabilities,
) -> Linear:
    """The product in this dtype on this device.

    Args:
        weight: Shape: (n_out, n_in), float32.
        bias: Shape: (n_out,), float32, or None.
        nonlinearity: What follows, applied by the product.
        dtype: Of the weights and of the rows.
        capabilities: Of the device where both are.
    """
    weight = weight.to(capabilities.device, dtype)
    bias = None if bias is None else bias.to(capabilities.device, dtype)
    if dtype in capabilities.onednn_dtypes:
        return make_onednn_linear(weight, bias, nonlinearity)
    return PlainLinear(weight, bias, nonlinearity)
