"""MAP, MRR@k and NDCG@k of one query, as model cards of cross-encoders report them.

These are the definitions of sentence-transformers' `CrossEncoderRerankingEvaluator`, tie for tie, which differ from
trec_eval's: gains are linear, NDCG and MAP average over tied documents, and MRR reads tied documents in reverse.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Scores: TypeAlias = NDArray[np.float32] | NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SetMetrics:
    """The three figures, each from 0.0 to 1.0."""

    map: float
    mrr: float
    ndcg: float

    def by_name(self) -> Mapping[str, float]:
        """The figures by their names on cards."""
        return {"map": self.map, "mrr@10": self.mrr, "ndcg@10": self.ndcg}


# The figures of a query that has no positives, and of a set that has no queries.
_ZEROS = SetMetrics(0.0, 0.0, 0.0)


def set_metrics(relevant: Sequence[bool], scores: Sequence[float] | Scores, k: int = 10) -> SetMetrics:
    """The figures of one query's documents.

    Args:
        relevant: Whether each document is a positive.
        scores: Each document's score; not NaN.
        k: The cut-off of MRR and NDCG, at least 1; MAP reads the whole list.

    Returns:
        Zeros where nothing is relevant, which is how a query without positives counts.
    """
    truth = np.asarray(relevant, dtype=np.float64)
    values = np.asarray(scores)
    if not truth.any():
        return _ZEROS
    return SetMetrics(_average_precision(truth, values), _reciprocal_rank(truth, values, k), _ndcg(truth, values, k))


def mean(figures: Sequence[SetMetrics]) -> SetMetrics:
    """The mean over queries; zeros for none."""
    if not figures:
        return _ZEROS
    table = np.array([(metrics.map, metrics.mrr, metrics.ndcg) for metrics in figures])
    return SetMetrics(*(float(value) for value in table.mean(axis=0)))


def _reciprocal_rank(truth: NDArray[np.float64], scores: Scores, k: int) -> float:
    # A reversed ascending sort, not a descending one: it decides the order of ties, and so equality with the reference.
    hits = np.flatnonzero(truth[np.argsort(scores)[::-1]][:k])
    return 1.0 / (1 + int(hits[0])) if hits.size else 0.0


def _average_precision(truth: NDArray[np.float64], scores: Scores) -> float:
    """The sum over distinct scores of precision there times the recall gained there."""
    order = np.argsort(-scores, kind="stable")
    sorted_scores, hits = scores[order], np.cumsum(truth[order])
    # Where each group of tied documents ends.
    ends = np.append(np.flatnonzero(sorted_scores[1:] != sorted_scores[:-1]), len(order) - 1)
    recall_gains = np.diff(hits[ends], prepend=0.0) / truth.sum()
    return float(np.sum(recall_gains * hits[ends] / (ends + 1)))


def _ndcg(truth: NDArray[np.float64], scores: Scores, k: int) -> float:
    """DCG with each document worth the mean gain of those it ties with, over the best possible DCG."""
    discounts = 1.0 / np.log2(np.arange(len(truth)) + 2)
    discounts[k:] = 0.0
    _, groups, sizes = np.unique(-scores, return_inverse=True, return_counts=True)
    mean_gains = np.bincount(groups, weights=truth) / sizes
    group_discounts = np.add.reduceat(discounts, np.append(0, np.cumsum(sizes)[:-1]))
    ideal = float(np.sort(truth)[::-1] @ discounts)
    return float(mean_gains @ group_discounts) / ideal
