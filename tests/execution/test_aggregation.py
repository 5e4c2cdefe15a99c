"""A document's relevance against one computed window by window."""

from statistics import mean
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondpass.execution.aggregation import aggregate, mean_of_counted
from secondpass.options import WindowAggregation

DOCUMENTS = st.lists(st.lists(st.integers(-50, 50).map(lambda n: n / 8), min_size=1, max_size=6), min_size=1)


def flat(documents: list[list[float]]) -> tuple[Any, Any]:
    return np.array([x for windows in documents for x in windows], np.float32), np.array([len(w) for w in documents])


def test_of_five_windows_by_hand() -> None:
    relevance, counts = flat([[1, 4, -2, 4, 3], [-5]])
    best = aggregate(relevance, counts, "max")
    assert best.relevance.tolist() == [4, -5]
    assert best.best.tolist() == [1, 5], "the first of equal ones"
    assert best.counted.tolist() == [False, True, False, False, False, True]
    three = aggregate(relevance, counts, "mean-top-3")
    np.testing.assert_allclose(three.relevance, [11 / 3, -5])
    assert three.best.tolist() == [1, 5]
    assert three.counted.tolist() == [False, True, False, True, True, True]
    outputs = np.stack([relevance, np.arange(6, dtype=np.float32)], axis=1)
    np.testing.assert_allclose(mean_of_counted(outputs, counts, best.counted), np.array([[4, 1], [-5, 5]]))
    np.testing.assert_allclose(mean_of_counted(outputs, counts, three.counted), np.array([[11 / 3, 8 / 3], [-5, 5]]))


@given(DOCUMENTS)
def test_any_documents_against_a_loop(documents: list[list[float]]) -> None:
    relevance, counts = flat(documents)
    best = aggregate(relevance, counts, "max")
    assert best.relevance.tolist() == [max(windows) for windows in documents]
    firsts = counts.cumsum() - counts
    assert best.best.tolist() == [
        int(first) + windows.index(max(windows)) for first, windows in zip(firsts, documents, strict=True)
    ]
    three = aggregate(relevance, counts, "mean-top-3")
    expected = [mean(sorted(windows, reverse=True)[:3]) for windows in documents]
    np.testing.assert_allclose(three.relevance, expected, rtol=1e-6)
    np.testing.assert_array_equal(three.best, best.best)


def test_single_windows_are_left_as_they_are() -> None:
    relevance = np.array([0.1, np.nan, -3], np.float32)
    hows: list[WindowAggregation] = ["max", "mean-top-3"]
    for how in hows:
        assert aggregate(relevance, np.ones(3, np.int64), how).relevance is relevance


@pytest.mark.parametrize("how", ["max", "mean-top-3"])
def test_a_window_of_nan_makes_its_document_nan(how: Any) -> None:
    relevance, counts = flat([[1, float("nan"), 3, 4, 5], [2, 1]])
    documents = aggregate(relevance, counts, how).relevance
    assert np.isnan(documents).tolist() == [True, False]
