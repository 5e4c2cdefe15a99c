"""Rotary position embedding: queries and keys turned by an angle that grows with the position.

Su et al., RoFormer: Enhanced Transformer with Rotary Position Embedding, 2021 (arXiv:2104.09864), in the half-split
form of GPT-NeoX: channel j turns with channel j + head_dim / 2.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Rotation:
    """The turn of every row.

    Args:
        cos: Shape: (n_rows, 1, head_dim / 2), float32.
        sin: Shape: (n_rows, 1, head_dim / 2), float32.
    """

    cos: Tensor
    sin: Tensor


def rotation(positions: Tensor, *, theta: float, head_dim: int) -> Rotation:
    """The turn of rows at these positions.

    Args:
        positions: Shape: (n_rows,), int64.
        theta: Base of the frequencies theta ** (-2 j / head_dim).
        head_dim: Width of a head, even.
    """
    exponents = torch.arange(0, head_dim, 2, dtype=torch.float32, device=positions.device) / head_dim
    angles = positions.float()[:, None, None] * (1.0 / theta**exponents)
    return Rotation(angles.cos(), angles.sin())


def rotate(rows: Tensor, turn: Rotation, *, n_heads: int) -> Tensor:
    """The rows with every head turned, in float32 and back.

    Args:
        rows: Shape: (n_rows, hidden).
        turn: Of the same rows.
        n_heads: Heads side by side in `rows`.
    """
    first, second = rows.view(len(rows), n_heads, -1).float().chunk(2, dim=-1)
    turned = torch.cat((first * turn.cos - second * turn.sin, second * turn.cos + first * turn.sin), dim=-1)
    return turned.view(rows.shape).to(rows.dtype)
