"""Distances from query to key as rows of a table of embeddings.

He et al., DeBERTa: Decoding-enhanced BERT with Disentangled Attention, 2020 (arXiv:2006.03654), section 3.1; the
logarithmic buckets are DeBERTa-v2's.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from secondpass.encoder.spec import RelativeSpec


@dataclass(frozen=True, slots=True)
class PositionTables:
    """A layer's projected embeddings of distances; they depend on weights alone.

    Args:
        key: What queries meet, times `scale`; None where they meet none. Shape: (n_rows, hidden).
        query: What keys meet, times `scale`; None where they meet none. Shape: (n_rows, hidden).
        scale: Of the products of queries and keys.
    """

    key: Tensor | None
    query: Tensor | None
    scale: float

    def by_distance(self, rows: Tensor) -> "PositionTables":
        """A row per distance: in `key` from the largest to the smallest, in `query` from the smallest to the largest.

        Args:
            rows: As `table_rows` gives them.
        """
        key = None if self.key is None else self.key[rows]
        query = None if self.query is None else self.query[rows.flip(0)]
        return PositionTables(key, query, self.scale)


def table_rows(relative: RelativeSpec, longest: int) -> Tensor:
    """The table's row for every distance in a text, from longest - 1 down to 1 - longest.

    Args:
        relative: How distances share rows.
        longest: Tokens of the text.

    Returns:
        Shape: (2 * longest - 1,), int64, on the CPU.
    """
    distances = torch.arange(longest - 1, -longest, -1, device="cpu")
    buckets = (
        distances if relative.n_buckets is None else _buckets(distances, relative.n_buckets, relative.max_distance)
    )
    return (buckets + relative.span).clamp_(0, 2 * relative.span - 1)


def _buckets(distances: Tensor, n_buckets: int, max_distance: int) -> Tensor:
    """Distances up to half of `n_buckets` as they are, larger ones by the logarithm of how much larger they are."""
    middle = n_buckets // 2
    # In float32 step by step, as transformers computes it: rounding decides at the borders.
    ratios = distances.abs().clamp(min=middle).float() / middle
    largest = torch.tensor((max_distance - 1) / middle, dtype=torch.float32, device="cpu")
    steps = ratios.log() / largest.log() * (middle - 1)
    far = (steps.ceil() + middle) * distances.sign()
    return torch.where(distances.abs() <= middle, distances, far.long())


def relative_scale(relative: RelativeSpec, head_dim: int) -> float:
    """What each of a score's products is multiplied with: their sum has the variance of one in plain attention."""
    return 1.0 / math.sqrt(head_dim * relative.n_terms)
