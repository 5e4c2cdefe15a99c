"""Scores become an order: ties, threshold and top_k."""

import asyncio
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from secondpass.arguments import describe
from secondpass.errors import ScoringError
from secondpass.ranking.ranked_document import RankedDocument, in_own_numbers
from secondpass.ranking.request_checks import check_request
from secondpass.ranking.score_checks import check_scores
from secondpass.ranking.score_maps import ScoreMap, map_passages, map_scores
from secondpass.ranking.scorer_checks import check_scorer
from secondpass.ranking.scorers import AsyncRankingScorer, AsyncScorer, RankingScorer, Scorer


def rank(
    scorer: Scorer,
    query: str,
    documents: Iterable[str],
    *,
    top_k: int | None = None,
    score_threshold: float | None = None,
    score_map: ScoreMap | None = None,
) -> list[RankedDocument]:
    """The documents, best first; of equal scores the higher raw score where it is told, and then the one in front.

    Args:
        scorer: Gives the scores, and passages where it is a `RankingScorer`; not called when there are no documents.
        query: What is asked.
        documents: The candidates' texts; never changed.
        top_k: Keep at most this many, at least 1; None keeps all.
        score_threshold: Keep scores of at least this much, in the unit of the results; applied before top_k.
        score_map: What scores become, in the same order; None leaves them in the scorer's unit.

    Raises:
        InputError: An argument breaks a rule.
        ScoringError: The scorer gave NaN or not one score per document.
    """
    check_scorer(scorer)
    texts = check_request(query, documents, top_k, score_threshold)
    if not texts:
        return []
    given = list(texts)  # the scorer's own, which it may empty
    if isinstance(scorer, RankingScorer):
        ranked = _check_ranking(scorer.rank(query, given), texts)
    else:
        ranked = _without_passages(scorer.score(query, given), texts)
    return order_documents(ranked, top_k=top_k, score_threshold=score_threshold, score_map=score_map)


def rank_scores(
    scores: Sequence[float] | NDArray[np.float32],
    documents: Sequence[str],
    *,
    top_k: int | None = None,
    score_threshold: float | None = None,
) -> list[RankedDocument]:
    """Already scored documents, best first; see `rank` for arguments and errors."""
    return order_documents(_without_passages(scores, documents), top_k=top_k, score_threshold=score_threshold)


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

    A scorer that can be awaited is; any other one runs in a thread.
    """
    check_scorer(scorer)
    texts = check_request(query, documents, top_k, score_threshold)
    if not texts:
        return []
    given = list(texts)  # the scorer's own, which it may empty
    if isinstance(scorer, AsyncRankingScorer):
        ranked = _check_ranking(await scorer.arank(query, given), texts)
    elif isinstance(scorer, RankingScorer):
        ranked = _check_ranking(await asyncio.to_thread(scorer.rank, query, given), texts)
    elif isinstance(scorer, AsyncScorer):
        ranked = _without_passages(await scorer.ascore(query, given), texts)
    else:
        ranked = _without_passages(await asyncio.to_thread(scorer.score, query, given), texts)
    return order_documents(ranked, top_k=top_k, score_threshold=score_threshold, score_map=score_map)


def _without_passages(scores: Sequence[float] | NDArray[np.float32], documents: Sequence[str]) -> list[RankedDocument]:
    """The documents with their scores, in the given order."""
    values = check_scores(scores, len(documents)).tolist()
    return [RankedDocument(i, score, text) for i, (score, text) in enumerate(zip(values, documents, strict=True))]


def _check_ranking(ranked: object, documents: Sequence[str]) -> list[RankedDocument]:
    """What a scorer's own `rank` gave, in its own order: a calibrated one orders equal scores by more than the score.

    In Python's own numbers: those of numpy, which a scorer may give, are none that JSON holds.

    Raises:
        ScoringError: It is not each of the documents once, or a score is NaN.
    """
    if not isinstance(ranked, list) or not all(isinstance(document, RankedDocument) for document in ranked):
        raise ScoringError(f"a scorer's rank must give a list of RankedDocument, got {describe(ranked)}")
    in_given_order: list[RankedDocument] = sorted(ranked, key=lambda document: document.index)
    indices = [document.index for document in in_given_order]
    if indices != list(range(len(documents))):
        raise ScoringError(f"a scorer's rank must give each of {len(documents)} documents once, got {indices}")
    scores = check_scores([document.score for document in in_given_order], len(documents)).tolist()
    return [_in_own_numbers(document, scores[document.index]) for document in ranked]


def _in_own_numbers(document: RankedDocument, score: float) -> RankedDocument:
    return RankedDocument(
        int(document.index),
        score,
        document.text,
        None if document.passage is None else in_own_numbers(document.passage),
        None if document.truncated is None else bool(document.truncated),
        None if document.raw_score is None else float(document.raw_score),
    )


def order_documents(
    documents: Sequence[RankedDocument],
    *,
    top_k: int | None = None,
    score_threshold: float | None = None,
    score_map: ScoreMap | None = None,
) -> list[RankedDocument]:
    """Documents with their scores, best first; see `best_first` for ties, and `rank` for arguments."""
    # The order is that of the scorer's own numbers: a map that rounds two of them to the same must not undo it.
    order = best_first(
        [document.score for document in documents],
        [document.tie_breaker for document in documents],
    )
    if score_map is not None:
        documents = _mapped(documents, score_map)
    ranked = [documents[i] for i in order]
    if score_threshold is not None:
        ranked = [document for document in ranked if document.score >= score_threshold]
    return ranked[:top_k]


def best_first(scores: Sequence[float], raw_scores: Sequence[float] | None = None) -> list[int]:
    """Positions of the scores, the highest first; of equal ones the higher raw score, and then the one in front.

    Args:
        scores: None of them NaN.
        raw_scores: What the scores were before a map that made some of them equal; None where there was none.
    """
    keys = list(zip(scores, scores if raw_scores is None else raw_scores, strict=True))
    return sorted(range(len(keys)), key=keys.__getitem__, reverse=True)


def _mapped(documents: Sequence[RankedDocument], score_map: ScoreMap) -> list[RankedDocument]:
    """The documents with scores and passages in the map's unit."""
    scores = map_scores(score_map, [document.score for document in documents])
    check_scores(scores, len(documents))
    passages = map_passages(score_map, [document.passage for document in documents])
    return [
        RankedDocument(document.index, score, document.text, passage, document.truncated, document.tie_breaker)
        for document, score, passage in zip(documents, scores, passages, strict=True)
    ]
