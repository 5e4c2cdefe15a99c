"""A block of pairs as a scorer on this machine read it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secondpass.tokenization.long_documents import Windows


@dataclass(frozen=True, slots=True, eq=False)
class ReadBlock:
    """Pairs, their scores, and the best window of each document. All arrays have the shape (n_pairs,).

    Args:
        scores: Relevance, in the scorer's unit; float32.
        window_scores: That of the best window alone; float32.
        starts: The best window's first character; int64.
        ends: One behind its last; of a truncated document, which is not read to its end, all the same its end. int64.
        n_tokens: Tokens that were read of each pair; int64.
        query_truncated: Whether a part of the query was not read.
        document_truncated: Whether a part of the document was not read.
        raw_scores: Relevance before an activation, which may round different ones to the same; None where there is no
            activation. float32.
    """

    scores: NDArray[np.float32]
    window_scores: NDArray[np.float32]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    n_tokens: NDArray[np.int64]
    query_truncated: NDArray[np.bool_]
    document_truncated: NDArray[np.bool_]
    raw_scores: NDArray[np.float32] | None = None

    @classmethod
    def of(
        cls,
        scores: NDArray[np.float32],
        window_scores: NDArray[np.float32],
        windows: Windows,
        best: NDArray[np.int64],
        n_tokens: NDArray[np.int64],
        *,
        raw_scores: NDArray[np.float32] | None = None,
    ) -> "ReadBlock":
        """The pairs that were read in these windows, of which `best` are the best of each."""
        starts, ends = windows.starts[best], windows.ends[best]
        truncated = windows.query_truncated, windows.document_truncated
        return cls(scores, window_scores, starts, ends, n_tokens, *truncated, raw_scores)

    @classmethod
    def concatenate(cls, blocks: "Sequence[ReadBlock]") -> "ReadBlock":
        """The pairs of all blocks, in order."""
        return cls(
            np.concatenate([np.empty(0, np.float32), *(block.scores for block in blocks)]),
            np.concatenate([np.empty(0, np.float32), *(block.window_scores for block in blocks)]),
            np.concatenate([np.empty(0, np.int64), *(block.starts for block in blocks)]),
            np.concatenate([np.empty(0, np.int64), *(block.ends for block in blocks)]),
            np.concatenate([np.empty(0, np.int64), *(block.n_tokens for block in blocks)]),
            np.concatenate([np.empty(0, np.bool_), *(block.query_truncated for block in blocks)]),
            np.concatenate([np.empty(0, np.bool_), *(block.document_truncated for block in blocks)]),
            None
            if all(block.raw_scores is None for block in blocks)
            else np.concatenate([block.tie_breakers for block in blocks]),
        )

    def __len__(self) -> int:
        """Pairs."""
        return len(self.scores)

    @property
    def tie_breakers(self) -> NDArray[np.float32]:
        """What orders documents of equal scores: the raw scores, or the scores where there is no activation."""
        return self.scores if self.raw_scores is None else self.raw_scores

    @property
    def truncated(self) -> NDArray[np.bool_]:
        """Whether a part of the query or of the document was not read."""
        return self.query_truncated | self.document_truncated
