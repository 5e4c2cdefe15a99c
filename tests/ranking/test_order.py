"""The order over any scorer, and the scorer that tests use."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scorers import Fixed

from secondpass import RankedDocument, Scorer, rank
from secondpass.errors import InputTypeError, ScoringError
from secondpass.ranking.order import rank_scores
from secondpass.testing import OverlapScorer


@given(st.lists(st.sampled_from([0.0, 1.0, 2.0, float("inf"), float("-inf")]), max_size=12))
def test_the_order_is_pythons_stable_descending_sort(scores: list[float]) -> None:
    ranking = rank(Fixed(scores), "q", [f"text {i}" for i in range(len(scores))])
    assert [ranked.index for ranked in ranking] == sorted(range(len(scores)), key=lambda i: -scores[i])


def test_the_threshold_is_inclusive_and_comes_before_top_k() -> None:
    ranking = rank(Fixed([0.1, 0.9, 0.5]), "q", ["a", "b", "c"], top_k=2, score_threshold=0.5)
    assert ranking == [RankedDocument(1, 0.9, "b"), RankedDocument(2, 0.5, "c")]
    assert rank(Fixed([0.1, 0.9, 0.5]), "q", ["a", "b", "c"], top_k=2, score_threshold=0.95) == []


@pytest.mark.parametrize("scores", [[1.0], [1.0, 2.0, 3.0], [[1.0], [2.0]]])
def test_a_scorer_that_gives_other_than_one_score_per_document(scores: Sequence[float]) -> None:
    with pytest.raises(ScoringError, match="one score per document, got shape"):
        rank(Fixed(scores), "q", ["a", "b"])


def test_nan_is_an_error_and_never_an_order() -> None:
    with pytest.raises(ScoringError, match="got NaN for document 1"):
        rank_scores(np.array([1.0, np.nan], dtype=np.float32), ["a", "b"])


def test_no_documents_never_reach_the_scorer() -> None:
    scorer = OverlapScorer()
    assert rank(scorer, "q", []) == []
    assert scorer.calls == []


def test_the_overlap_scorer_counts_distinct_query_words() -> None:
    scorer = OverlapScorer()
    assert isinstance(scorer, Scorer)
    assert scorer.score("Wall wall FELL", ["the wall fell", "Wall", "people"]) == [1.0, 0.5, 0.0]
    assert scorer.score("?!", ["anything"]) == [0.0]
    assert scorer.calls == [("Wall wall FELL", ("the wall fell", "Wall", "people")), ("?!", ("anything",))]
    with pytest.raises(InputTypeError):
        scorer.score("q", "one text")
