"""The tolerance that the package promises for float32."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from secondpass import RankedDocument


def assert_scores(actual: ArrayLike, expected: ArrayLike, tolerance: float = 1e-5) -> None:
    """Raise AssertionError unless all scores agree to `tolerance`, relative or absolute."""
    np.testing.assert_allclose(np.asarray(actual), np.asarray(expected), rtol=tolerance, atol=tolerance)


def assert_best(ranked: Sequence[RankedDocument], expected: ArrayLike) -> None:
    """Raise AssertionError unless these are the best documents, in order, by the expected scores of all of them.

    Documents whose expected scores the tolerance cannot tell apart may stand in each other's place: which of them is
    first depends on rounding.
    """
    scores = np.asarray(expected)
    indices = [document.index for document in ranked]
    assert len(set(indices)) == len(indices)
    assert_scores([document.score for document in ranked], scores[indices])
    assert_scores(scores[indices], np.sort(scores)[::-1][: len(ranked)])
