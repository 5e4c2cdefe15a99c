"""Folds over queries, and what they say of a map."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from judgements import judged

from secondpass.calibration import Calibration, quality
from secondpass.calibration.fitting import fit_map
from secondpass.calibration.judged_pairs import JudgedPairs
from secondpass.calibration.maps import sigmoid
from secondpass.calibration.validation import folds, held_out_probabilities
from secondpass.errors import InputError

pytest.importorskip("sklearn")


@given(st.lists(st.integers(0, 12), min_size=2, max_size=60).filter(lambda queries: len(set(queries)) > 1))
def test_no_query_is_on_both_sides_and_each_pair_is_held_out_once(queries: list[int]) -> None:
    relevant = [i == 0 for i in range(len(queries))]
    pairs = JudgedPairs.check(np.zeros(len(queries)), relevant, queries)
    splits = folds(pairs)
    assert len(splits) == min(5, len(set(queries)))
    assert sorted(np.concatenate([held_out for _, held_out in splits])) == list(range(len(queries)))
    for fitted, held_out in splits:
        assert {queries[i] for i in fitted}.isdisjoint(queries[i] for i in held_out)
        assert len(fitted) + len(held_out) == len(queries)


def test_held_out_probabilities_are_those_of_the_other_queries_map() -> None:
    pairs = JudgedPairs.check(*judged())
    probabilities = held_out_probabilities("platt", pairs)
    fitted, held_out = folds(pairs)[2]
    np.testing.assert_array_equal(probabilities[held_out], fit_map("platt", pairs[fitted])(pairs.logits[held_out]))


def test_before_and_after_are_on_the_same_pairs_and_after_is_better() -> None:
    logits, relevant, queries = judged()
    calibration = Calibration.fit(logits, relevant, queries)
    assert calibration.held_out is not None
    assert calibration.held_out.before == quality(sigmoid(logits), relevant)
    pairs = JudgedPairs.check(logits, relevant, queries)
    assert calibration.held_out.after == quality(held_out_probabilities("platt", pairs), relevant)
    assert calibration.held_out.after.ece < calibration.held_out.before.ece / 2


def test_what_is_learnt_by_heart_does_not_look_good() -> None:
    # A hundred pairs whose logits say little: isotonic follows their noise.
    pairs = JudgedPairs.check(*judged(20, 5, slope=0.2))
    by_heart = quality(fit_map("isotonic", pairs)(pairs.logits), pairs.relevant)
    held_out = quality(held_out_probabilities("isotonic", pairs), pairs.relevant)
    assert held_out.brier > by_heart.brier + 0.01


@pytest.mark.parametrize(("relevant", "queries"), [([1, 0, 0, 0], "aabb"), ([1, 0, 1, 0], "aaaa")])
def test_too_few_queries_to_hold_one_out(relevant: list[int], queries: str) -> None:
    pairs = JudgedPairs.check([3, 1, 2, 0], relevant, list(queries))
    with pytest.raises(InputError, match=r"must (hold relevant and irrelevant|be at least 2 to hold one out)"):
        held_out_probabilities("platt", pairs)
