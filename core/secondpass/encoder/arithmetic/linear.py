"""The matrix products: y = nonlinearity(x W^T + b), the weights laid out once for the machine at hand."""

from dataclasses import dataclass
from typing import Protocol

import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from secondpass.encoder.arithmetic.nonlinearity import Nonlinearity, apply_nonlinearity


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
