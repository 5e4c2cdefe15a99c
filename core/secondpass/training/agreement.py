"""How closely a student's order follows its teacher's on lists that neither learned from."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau

# Ranks that count in nDCG.
_DEPTH = 10


def kendall(teacher: Sequence[float], student: Sequence[float]) -> float:
    """Kendall's tau-b of two orders of the same documents, from -1 to 1; 0 where one side has no order."""
    tau = float(kendalltau(teacher, student).statistic)
    return 0.0 if np.isnan(tau) else tau


def ndcg_by_teacher(teacher: Sequence[float], student: Sequence[float]) -> float:
    """nDCG@10 of the student's order, the gain of a document being its teacher score, from 0 to 1 within the list.

    Where the teacher finds all documents equal, every order is right: 1.

    Args:
        teacher: Unbounded scores, one per document.
        student: The same documents' scores; equal ones keep the given order.
    """
    scores = np.asarray(teacher, dtype=np.float64)
    spread = float(np.ptp(scores)) if len(scores) else 0.0
    if spread == 0:
        return 1.0
    gains = (scores - scores.min()) / spread
    order = np.argsort(-np.asarray(student, dtype=np.float64), kind="stable")
    return _dcg(gains[order]) / _dcg(-np.sort(-gains))


def _dcg(gains: NDArray[np.float64]) -> float:
    top = gains[:_DEPTH]
    return float(np.sum(top / np.log2(np.arange(2, len(top) + 2))))
