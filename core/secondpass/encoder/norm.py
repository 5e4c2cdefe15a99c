"""Normalisation of rows, with float32 statistics whatever their dtype."""

from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from secondpass.encoder.capabilities import Capabilities


class Norm(Protocol):
    """A normalisation with its weights."""

    def __call__(self, states: Tensor) -> Tensor:
        """The normalised rows, or heads of rows. Shape: (..., width)."""
        ...


@dataclass(frozen=True, slots=True)
class LayerNorm:
    """Layer normalisation.

    Args:
        weight: Shape: (hidden,).
        bias: Shape: (hidden,), or None.
        eps: Added to the variance.
    """

    weight: Tensor
    bias: Tensor | None
    eps: float

    def __call__(self, states: Tensor) -> Tensor:
        """See `Norm`."""
        return F.layer_norm(states, self.weight.shape, self.weight, self.bias, self.eps)


@dataclass(frozen=True, slots=True)
class RmsNorm:
    """Division by the root mean square.

    Args:
        weight: In the states' dtype. Shape: (width,).
        eps: Added to the mean square.
    """

    weight: Tensor
    eps: float

    def __call__(self, states: Tensor) -> Tensor:
        """See `Norm`."""
        return F.rms_norm(states, self.weight.shape, self.weight, self.eps)


def make_rms_norm(weight: Tensor, *, eps: float, dtype: torch.dtype, capabilities: Capabilities) -> RmsNorm:
    """The division for states of this dtype on this device."""
    # With a weight of another dtype torch leaves its fused kernel and warns.
    return RmsNorm(weight.to(capabilities.device, dtype), eps)


def make_layer_norm(
    weight: Tensor, bias: Tensor | None, *, eps: float, dtype: torch.dtype, capabilities: Capabilities
) -> LayerNorm:
    """The normalisation for states of this dtype on this device."""
    # Float32 parameters are also the faster way for states in half precision, where a device takes both together.
    own = torch.float32 if capabilities.float32_norms else dtype
    device = capabilities.device
    return LayerNorm(weight.to(device, own), None if bias is None else bias.to(device, own), eps)
