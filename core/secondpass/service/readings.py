"""Pairs go to a scorer, and what it says of each comes back, whichever of its calls tells most."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from secondpass.ranking import Pair, PairScorer, Passage, RankingScorer, Readings, Scorer, rank, score_pairs
from secondpass.ranking.checks import check_scores


@dataclass(frozen=True, slots=True)
class Reading:
    """What a model made of one pair.

    Args:
        score: Its relevance, in the scorer's unit.
        passage: The best passage of the document; None where the scorer does not say.
        truncated: Whether a part of the pair was not read; None where the scorer does not say.
        n_tokens: Tokens that were read of the pair; None where the scorer does not say.
    """

    score: float
    passage: Passage | None = None
    truncated: bool | None = None
    n_tokens: int | None = None


@runtime_checkable
class _PairReader(Protocol):
    """A scorer that says what it read of pairs of many queries, such as `CrossEncoder`."""

    def read(self, pairs: Sequence[Pair]) -> Readings:
        """What it made of each pair, in the given order."""
        ...


def read_pairs(scorer: Scorer, pairs: Sequence[Pair]) -> list[Reading]:
    """What the scorer makes of each pair, in the given order.

    A scorer that takes pairs of many queries gets all of them in one call.

    Raises:
        ScoringError: The scorer gave NaN or not one score per pair.
    """
    if isinstance(scorer, _PairReader):
        read = scorer.read(list(pairs))
        scores = check_scores(read.scores, len(pairs)).tolist()
        # A scorer of the user's own may give readings of its own, which need not count.
        counted: NDArray[np.int64] | None = getattr(read, "n_tokens", None)
        n_tokens = [None] * len(pairs) if counted is None else counted.tolist()
        return list(map(Reading, scores, read.passages, read.truncated.tolist(), n_tokens))
    if isinstance(scorer, RankingScorer) and not isinstance(scorer, PairScorer):
        return [
            reading
            for query, same_query in groupby(pairs, key=itemgetter(0))
            for reading in _ranked(scorer, query, same_query)
        ]
    return [Reading(score) for score in score_pairs(scorer, pairs).tolist()]


def _ranked(scorer: RankingScorer, query: str, pairs: Iterable[Pair]) -> Iterator[Reading]:
    ranked = rank(scorer, query, [document for _, document in pairs])
    for document in sorted(ranked, key=lambda document: document.index):
        yield Reading(document.score, document.passage, document.truncated)
