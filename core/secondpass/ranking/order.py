"""Scores become an order: ties, threshold and top_k."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secondpass.ranking.checks import check_request, check_scores
from secondpass.ranking.score_maps import ScoreMap
from secondpass.ranking.scorers import AsyncScorer, Scorer


@dataclass(frozen=True, slots=True)
class RankedDocument:
    """A document in its place.

    Args:
        index: Where it stood in the given documents.
        score: Its relevance; the unit is the scorer's (for most checkpoints a logit, unbounded), or the score map's.
        text: The document itself.
    """

    index: int
    score: float
    text: str


def rank(
    scorer: Scorer,
    query: str,
    documents: Iterable[str],
    *,
    top_k: int | None = None,
    score_threshold: float | None = None,
    score_map: ScoreMap | None = None,
) -> list[RankedDocument]:
    """The documents, best first; equal scores keep the given order.

    Args:
        scorer: Gives the scores; not called when there are no documents.
        query: What is asked.
        documents: The candidates' texts; never changed.
        top_k: Keep at most this many, at least 1; None keeps all.
        score_threshold: Keep scores of at least this much, in the unit of the results; applied before top_k.
        score_map: What scores become, in the same order; None leaves them in the scorer's unit.

    Raises:
        InputError: An argument breaks a rule.
        ScoringError: The scorer gave NaN or not one score per document.
    """
    texts = check_request(query, documents, top_k, score_threshold)
    if not texts:
        return []
    scores = scorer.score(query, texts)
    return rank_scores(scores, texts, top_k=top_k, score_threshold=score_threshold, score_map=score_map)


def rank_scores(
    scores: Sequence[float] | NDArray[np.float32],
    documents: Sequence[str],
    *,
    top_k: int | None = None,
    score_threshold: float | None = None,
    score_map: ScoreMap | None = None,
) -> list[RankedDocument]:
    """Already scored documents, best first; see `rank` for arguments and errors."""
    values = check_scores(scores, len(documents))
    # The order is that of the scorer's own numbers: a map that rounds two of them to the same must not undo it.
    order = np.argsort(-values, kind="stable")
    if score_map is not None:
        values = check_scores([score_map(float(value)) for value in values], len(documents))
    if score_threshold is not None:
        order = order[values[order] >= score_threshold]
    return [RankedDocument(int(i), float(values[i]), documents[i]) for i in order[:top_k]]


async def arank(
    scorer: Scorer,
    query: str,
    documents: Iterable[str],
    *,
    top_k: int | None = None,
    score_threshold: float | None = None,
    score_map: ScoreMap | None = None,
) -> list[RankedDocument]:
    """The documents, best first; see `rank` for arguments and errors.

    An `AsyncScorer` is awaited; any other scorer runs in a thread.
    """
    texts = check_request(query, documents, top_k, score_threshold)
    if not texts:
        return []
    if isinstance(scorer, AsyncScorer):
        scores = await scorer.ascore(query, texts)
    else:
        scores = await asyncio.to_thread(scorer.score, query, texts)
    return rank_scores(scores, texts, top_k=top_k, score_threshold=score_threshold, score_map=score_map)
