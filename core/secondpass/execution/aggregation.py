"""The relevance of a document from that of its windows.

The best window alone is MaxP of Dai and Callan (arXiv 1905.09217); a mean of the best few is less moved by one window
that matches by chance.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secondpass.options import WindowAggregation

_N_COUNTED: dict[WindowAggregation, int] = {"max": 1, "mean-top-3": 3}


@dataclass(frozen=True, slots=True, eq=False)
class Aggregated:
    """Documents by their windows.

    Args:
        relevance: Of each document, in the unit of the windows'. Shape: (n_documents,), float32.
        best: The number of its best window, the first of equal ones. Shape: (n_documents,), int64.
        counted: Whether each window counts. Shape: (n_windows,).
    """

    relevance: NDArray[np.float32]
    best: NDArray[np.int64]
    counted: NDArray[np.bool_]


def aggregate(relevance: NDArray[np.float32], counts: NDArray[np.int64], how: WindowAggregation) -> Aggregated:
    """The documents' relevance: of the best window, or the mean of the three best, or of as many as there are.

    Args:
        relevance: Of each window, a document's side by side; logits or similarities. Shape: (n_windows,).
        counts: Windows of each document, at least 1. Shape: (n_documents,).
        how: Which windows count. A document with a window of NaN has a relevance of NaN.
    """
    if len(relevance) == len(counts):
        return Aggregated(relevance, np.arange(len(counts)), np.ones(len(counts), np.bool_))
    firsts = counts.cumsum() - counts
    order = np.lexsort((-relevance, np.arange(len(counts)).repeat(counts)))
    n_counted = _N_COUNTED[how]
    counted = np.arange(len(order)) - firsts.repeat(counts) < n_counted  # of the windows in this order
    sums = np.add.reduceat(np.where(counted, relevance[order], 0), firsts, dtype=np.float64)
    means = (sums / np.minimum(counts, n_counted)).astype(np.float32)
    means[np.logical_or.reduceat(np.isnan(relevance), firsts)] = np.nan
    counted_windows = np.empty_like(counted)
    counted_windows[order] = counted
    return Aggregated(means, order[firsts], counted_windows)


def mean_of_counted(
    values: NDArray[np.float32], counts: NDArray[np.int64], counted: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """The mean of each document's windows that count. Shape: (n_windows, width) -> (n_documents, width)."""
    if len(values) == len(counts):
        return values
    firsts = counts.cumsum() - counts
    sums = np.add.reduceat(np.where(counted[:, None], values, 0), firsts, dtype=np.float64)
    means: NDArray[np.float32] = (sums / np.add.reduceat(counted, firsts, dtype=np.int64)[:, None]).astype(np.float32)
    return means
