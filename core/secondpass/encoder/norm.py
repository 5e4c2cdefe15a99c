"""Normalisation of rows, with float32 statistics whatever their dtype."""

from dataclasses import dataclass
from typing import Protocol

import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor


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
