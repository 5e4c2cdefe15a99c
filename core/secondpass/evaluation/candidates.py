"""What is scored for one query in one call, and what came of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Candidates:
    """A query, and the documents that are scored for it in one call."""

    query: str
    documents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CandidateScores:
    """A scorer's answer for the candidates of one query.

    Args:
        scores: One score per document, in the scorer's unit.
        seconds: Wall-clock time of scoring them.
        truncated: Whether a part of each document, or of the query beside it, was not read; None where nobody says.
        raw_scores: What orders documents of equal scores, as in `RankedDocument`; None where nothing mapped the scores.
    """

    scores: tuple[float, ...]
    seconds: float
    truncated: tuple[bool, ...] | None = None
    raw_scores: tuple[float, ...] | None = None


class _SaysTruncated(Protocol):
    @property
    def truncated(self) -> tuple[bool, ...] | None: ...


def count_truncated(results: Iterable[_SaysTruncated]) -> int | None:
    """How many documents of these results were truncated; None where a scorer did not say."""
    flags = [result.truncated for result in results]
    return None if None in flags else sum(sum(of_query) for of_query in flags if of_query is not None)
