"""What a scorer made of pairs, and how much of them it read: of one, and of many in arrays."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secondpass.ranking.ranked_document import Passage, RankedDocument


@dataclass(frozen=True, slots=True)
class Reading:
    """A (query, document) pair as it was read.

    Args:
        score: Its relevance, in the scorer's unit.
        passage: The best passage of the document; None where the scorer does not say.
        truncated: Whether a part of the pair was not read; None where the scorer does not say.
        n_tokens: Tokens that were read of the pair; None where the scorer does not say.
        raw_score: What orders documents of equal scores, as in `RankedDocument`; None where nothing mapped the score.
    """

    score: float
    passage: Passage | None = None
    truncated: bool | None = None
    n_tokens: int | None = None
    raw_score: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """(query, document) pairs as they were read.

    Args:
        scores: Their relevance, in the scorer's unit. Shape: (n_pairs,), float32 where a loaded model gave them.
        truncated: Whether a part of the query or of the document was not read; None where the scorer does not say.
            Shape: (n_pairs,), bool, or object where there is a None.
        passages: The best of each document's windows, the whole text where it was read at once; None where nothing was
            read of it, or the scorer does not say. One per pair.
        n_tokens: Tokens that were read of each pair, special tokens included, those of its windows together; None where
            the scorer does not say. Shape: (n_pairs,), int64.
        raw_scores: The scores before a sigmoid or a calibration, which order documents of equal scores; None where
            nothing mapped them. Shape: (n_pairs,), as `scores`.
    """

    scores: NDArray[np.floating]
    truncated: NDArray[np.bool_ | np.object_]
    passages: list[Passage | None]
    n_tokens: NDArray[np.int64] | None = None
    raw_scores: NDArray[np.floating] | None = None

    @property
    def tie_breakers(self) -> NDArray[np.floating]:
        """What orders documents of equal scores: the raw scores, or the scores where nothing mapped them.

        Shape: (n_pairs,), as `scores`.
        """
        return self.scores if self.raw_scores is None else self.raw_scores

    @classmethod
    def of_scores(cls, scores: NDArray[np.floating]) -> "Readings":
        """Those of a scorer that says nothing but scores."""
        return cls(scores, np.full(len(scores), None, np.object_), [None] * len(scores))

    @classmethod
    def of_documents(cls, documents: Sequence[RankedDocument]) -> "Readings":
        """What is known of documents, one after the other."""
        scores = [document.score for document in documents]
        raw_scores = [document.raw_score for document in documents]
        truncated = [document.truncated for document in documents]
        return cls(
            np.array(scores, np.float64),
            np.array(truncated, np.object_ if None in truncated else np.bool_),
            [document.passage for document in documents],
            raw_scores=None
            if all(raw is None for raw in raw_scores)
            else np.array([document.tie_breaker for document in documents]),
        )

    @classmethod
    def concatenate(cls, parts: "Sequence[Readings]") -> "Readings":
        """Those of all parts, one after the other; tokens where all parts say them."""
        n_tokens = [part.n_tokens for part in parts if part.n_tokens is not None]
        tie_breakers = [part.tie_breakers for part in parts]
        return cls(
            np.concatenate([np.empty(0, np.float32), *(part.scores for part in parts)]),
            np.concatenate([np.empty(0, np.bool_), *(part.truncated for part in parts)]),
            [passage for part in parts for passage in part.passages],
            np.concatenate([np.empty(0, np.int64), *n_tokens]) if len(n_tokens) == len(parts) else None,
            None if all(part.raw_scores is None for part in parts) else np.concatenate(tie_breakers),
        )

    def slice(self, start: int, stop: int) -> "Readings":
        """Those of some of the pairs."""
        return Readings(
            self.scores[start:stop],
            self.truncated[start:stop],
            self.passages[start:stop],
            None if self.n_tokens is None else self.n_tokens[start:stop],
            None if self.raw_scores is None else self.raw_scores[start:stop],
        )

    def one_by_one(self) -> list[Reading]:
        """Each pair's, in the given order."""
        n_tokens = [None] * len(self) if self.n_tokens is None else self.n_tokens.tolist()
        raw_scores = [None] * len(self) if self.raw_scores is None else self.raw_scores.tolist()
        return list(map(Reading, self.scores.tolist(), self.passages, self.truncated.tolist(), n_tokens, raw_scores))

    def __len__(self) -> int:
        """Pairs."""
        return len(self.scores)


def documents_of(readings: Iterable[Reading], texts: Sequence[str]) -> list[RankedDocument]:
    """The documents with what was read of them, one reading per text, in the given order."""
    return [
        RankedDocument(index, reading.score, text, reading.passage, reading.truncated, reading.raw_score)
        for index, (reading, text) in enumerate(zip(readings, texts, strict=True))
    ]
