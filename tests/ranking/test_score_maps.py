"""What scores become before a threshold."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scorers import Fixed

from secondpass.errors import InputError, ScoringError
from secondpass.ranking import RankedDocument, Sigmoid, arank, rank

TEXTS = ["a", "b", "c"]


def test_sigmoid_by_any_table() -> None:
    assert Sigmoid()(0.0) == 0.5
    assert Sigmoid()(1.0) == pytest.approx(0.7310585786, abs=1e-9)
    assert Sigmoid(2.0)(1.0) == pytest.approx(0.880797078, abs=1e-9)
    assert Sigmoid()(-1.0) == pytest.approx(1 - 0.7310585786, abs=1e-9)


@given(st.floats(allow_nan=False))
def test_sigmoid_is_from_0_to_1_for_any_score(score: float) -> None:
    assert 0 <= Sigmoid()(score) <= 1


@pytest.mark.parametrize("factor", [0.0, -1.0, math.nan, math.inf])
def test_a_factor_that_breaks_the_order_is_refused(factor: float) -> None:
    with pytest.raises(InputError, match=r"factor must be greater than 0 and finite, got (0\.0|-1\.0|nan|inf)"):
        Sigmoid(factor)


async def test_threshold_and_scores_are_in_the_unit_of_the_map() -> None:
    expected = [RankedDocument(1, Sigmoid()(1.0), "b", raw_score=1.0), RankedDocument(2, 0.5, "c", raw_score=0.0)]
    scorer = Fixed([-1.0, 1.0, 0.0])
    assert rank(scorer, "q", TEXTS, score_threshold=0.5, score_map=Sigmoid()) == expected
    assert await arank(scorer, "q", TEXTS, score_threshold=0.5, score_map=Sigmoid()) == expected
    assert rank(scorer, "q", TEXTS, top_k=1, score_map=Sigmoid()) == expected[:1]


def test_scores_that_a_map_rounds_to_one_keep_the_scorers_order() -> None:
    # sigmoid(40) and sigmoid(50) are both 1.0 in double precision.
    ranking = rank(Fixed([40.0, 50.0, 0.0]), "q", TEXTS, score_map=Sigmoid())
    assert [(ranked.text, ranked.score) for ranked in ranking] == [("b", 1.0), ("a", 1.0), ("c", 0.5)]


def test_a_map_that_gives_nan_is_refused() -> None:
    with pytest.raises(ScoringError, match="got NaN for document 0"):
        rank(Fixed([1.0, 2.0, 3.0]), "q", TEXTS, score_map=lambda score: math.nan if score == 1.0 else score)
