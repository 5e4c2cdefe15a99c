"""Layer normalisation with float32 statistics whatever the states' dtype."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Norm:
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
        """The normalised rows. Shape: (n_rows, hidden)."""
        return F.layer_norm(states, self.weight.shape, self.weight, self.bias, self.eps)


def norm(weight: Tensor, bias: Tensor | None, *, eps: float, dtype: torch.dtype, device: torch.device) -> Norm:
    """The normalisation for states of this dtype on this device."""
    # CPUs take float32 parameters with half-precision states, which is also the faster way; other devices do not.
    kept = torch.float32 if device.type == "cpu" else dtype
    return Norm(weight.to(device, kept), None if bias is None else bias.to(device, kept), eps)
