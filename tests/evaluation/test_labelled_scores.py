"""Scores with their judgements: grades, and what nobody has judged."""

import pytest

from secondpass.errors import InputError
from secondpass.evaluation import LabelledScores, ScoredQuery, label_scores

SCORED = [ScoredQuery("1", ("a", "b", "c", "d"), (3.0, 2.0, 1.0), 0.1), ScoredQuery("2", ("a",), (5.0,), 0.1)]
QRELS = {"1": {"a": 2, "c": 1, "d": 2}, "2": {"b": 1}}


def test_unjudged_candidates_are_irrelevant_or_left_out() -> None:
    # d is no candidate: it has no score.
    assert label_scores(SCORED, QRELS) == LabelledScores(
        (3.0, 2.0, 1.0, 5.0), (True, False, True, False), ("1", "1", "1", "2"), 2
    )
    assert label_scores(SCORED, QRELS, unjudged="left-out") == LabelledScores((3.0, 1.0), (True, True), ("1", "1"), 2)


def test_the_least_grade_that_counts_is_a_choice() -> None:
    assert label_scores(SCORED, QRELS, relevant_from=2).relevant == (True, False, False, False)
    assert label_scores(SCORED, {}, unjudged="left-out") == LabelledScores((), (), (), 4)


def test_what_breaks_a_rule_is_refused() -> None:
    with pytest.raises(InputError, match="relevant_from must be at least 1, got 0"):
        label_scores(SCORED, QRELS, relevant_from=0)
    with pytest.raises(InputError, match='unjudged must be one of "irrelevant", "left-out"'):
        label_scores(SCORED, QRELS, unjudged="judged")  # type: ignore[arg-type] # what the check is for
