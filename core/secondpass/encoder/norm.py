"""Layer normalisation with float32 statistics whatever the states' dtype."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from secondpass.encoder.capabilities import Capabilities


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


def make_norm(
    weight: Tensor, bias: Tensor | None, *, eps: float, dtype: torch.dtype, capabilities: Capabilities
) -> Norm:
    """The normalisation for states of this dtype on this device."""
    # Float32 parameters are also the faster way for states in half precision, where a device takes both together.
    own = torch.float32 if capabilities.float32_norms else dtype
    device = capabilities.device
    return Norm(weight.to(device, own), None if bias is None else bias.to(device, own), eps)
