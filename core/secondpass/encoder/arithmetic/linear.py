"""The matrix products: y = activation(x W^T + b), the weights laid out once for the machine at hand."""

from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from secondpass.encoder.arithmetic.nonlinearity import Nonlinearity, apply_nonlinearity

FUSED: dict[Nonlinearity | None, tuple[str, str]] = {
    None: ("none", ""),
    Nonlinearity.GELU: ("gelu", "none"),
    Nonlinearity.GELU_TANH: ("gelu", "tanh"),
    Nonlinearity.RELU: ("relu", ""),
    Nonlinearity.SILU: ("swish", ""),
    Nonlinearity.TANH: ("tanh", ""),
}


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
    activation: Nonlinearity | None

    def __call__(self, rows: Tensor) -> Tensor:
        """See `Linear`."""
        out = F.linear(rows, self.weight, self.bias)
        return out if self.activation is None else apply_nonlinearity(out, self.activation)


@dataclass(frozen=True, slots=True)
class PackedLinear:
    """oneDNN's product: weights in its blocked packing, the activation applied while the result is still in cache."""

    weight: Tensor
    bias: Tensor | None
    attribute: str
    algorithm: str

    def __call__(self, rows: Tensor) -> Tensor:
        """See `Linear`."""
        out: Tensor = torch.ops.mkldnn._linear_pointwise(  # noqa: SLF001 - torch's inductor calls it so
            rows, self.weight, self.bias, self.attribute, [], self.algorithm
        )
        return out


def linear(
    weight: Tensor, bias: Tensor | None, activation: Nonlinearity | None, *, dtype: torch.dtype, device: torch.device
) -> Linear:
    """The product in this dtype on this device.

    Args:
        weight: Shape: (n_out, n_in), float32.
        bias: Shape: (n_out,), float32, or None.
        activation: What follows, applied by the product.
        dtype: Of the weights and of the rows.
        device: Where both are.
    """
    if device.type == "cpu" and onednn_has(dtype):
        kept = None if bias is None else bias.to(dtype)
        return PackedLinear(_reordered(weight.to(dtype)), kept, *FUSED[activation])
    return PlainLinear(weight.to(device, dtype), None if bias is None else bias.to(device, dtype), activation)


def onednn_has(dtype: torch.dtype) -> bool:
    """Whether this build of torch and this CPU have oneDNN's products in `dtype`."""
    if not torch.backends.mkldnn.is_available():
        return False
    match dtype:
        case torch.bfloat16:
            return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())  # noqa: SLF001 - as above
        case torch.float16:
            return bool(torch.ops.mkldnn._is_mkldnn_fp16_supported())  # noqa: SLF001 - as above
        case _:
            return dtype == torch.float32


def _reordered(weight: Tensor) -> Tensor:
    packed: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), None)  # noqa: SLF001 - as above
    return packed
