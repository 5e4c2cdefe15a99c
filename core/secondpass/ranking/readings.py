"""What a scorer made of pairs, and how much of them it read."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secondpass.ranking.ranked_document import Passage


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """(query, document) pairs as they were read.

    Args:
        scores: Their relevance, in the scorer's unit. Shape: (n_pairs,), float32.
        truncated: Whether a part of the query or of the document was not read. Shape: (n_pairs,), bool.
        passages: The best of each document's windows, the whole text where it was read at once; None where nothing was
            read of it. One per pair.
        n_tokens: Tokens that were read of each pair, special tokens included, those of its windows together; None where
            the scorer does not say. Shape: (n_pairs,), int64.
        raw_scores: The scores before a calibration, which order documents of equal scores; None where nothing mapped
            them. Shape: (n_pairs,), float32.
    """

    scores: NDArray[np.float32]
    truncated: NDArray[np.bool_]
    passages: list[Passage | None]
    n_tokens: NDArray[np.int64] | None = None
    raw_scores: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        """Pairs."""
        return len(self.scores)
