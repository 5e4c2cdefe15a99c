"""Rotary position embedding: queries and keys rotated by an angle that grows with the position.

Su et al., RoFormer: Enhanced Transformer with Rotary Position Embedding, 2021 (arXiv:2104.09864), in the half-split
form of GPT-NeoX: channels j and j + head_dim / 2 rotate together.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from secondpass.encoder.spec import Rope


@dataclass(frozen=True, slots=True)
class Rotation:
    """The rotation of every row.

    Args:
        cos: Shape: (n_rows, 1, head_dim / 2), float32.
        sin: Shape: (n_rows, 1, head_dim / 2), float32.
    """

    cos: Tensor
    sin: Tensor

    def of_rows(self, rows: Tensor) -> "Rotation":
        """That of some of the rows. Shape: (n_rows,), int64."""
        return Rotation(self.cos[rows], self.sin[rows])


def make_rotation(positions: Tensor, rope: Rope, *, head_dim: int) -> Rotation:
    """The rotation of rows at these positions.

    Args:
        positions: Shape: (n_rows,), int64.
        rope: The frequencies.
        head_dim: Width of a head, even.
    """
    exponents = torch.arange(0, head_dim, 2, dtype=torch.float32, device=positions.device) / head_dim
    angles = positions.float()[:, None, None] * (1.0 / rope.theta**exponents / rope.factor)
    return Rotation(angles.cos(), angles.sin())


def rotate(rows: Tensor, rotation: Rotation, *, n_heads: int) -> Tensor:
    """The rows with every head rotated, in float32 and back.

    Args:
        rows: Shape: (n_rows, hidden).
        rotation: Of the same rows.
        n_heads: Heads side by side in `rows`.
    """
    halves = rows.view(len(rows), n_heads, 2, -1).float()
    first, second = halves.unbind(dim=2)
    rotated = halves.new_empty(halves.shape)
    # Written in place: half of the passes over memory that sums of products would take.
    torch.mul(first, rotation.cos, out=rotated[:, :, 0]).addcmul_(second, rotation.sin, value=-1)
    torch.mul(second, rotation.cos, out=rotated[:, :, 1]).addcmul_(first, rotation.sin)
    return rotated.view(rows.shape).to(rows.dtype)
