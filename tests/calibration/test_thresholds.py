"""Thresholds by hand, as scikit-learn's curve has them, and their intervals over queries."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from judgements import judged, platt

from secondpass import Calibration
from secondpass.calibration import OutOfReach, Threshold, Wanted, find_thresholds
from secondpass.calibration.thresholds import Aim, between
from secondpass.errors import InputError, InputTypeError

pytest.importorskip("sklearn")

# sigmoid(logit): of these logits 0.88, 0.73, 0.5, 0.27 and 0.12.
PLAIN = platt(1.0, 0.0)
LOGITS = [2.0, 1.0, 0.0, -1.0, -2.0]
RELEVANT = [1, 0, 1, 0, 1]
QUERIES = ["a", "a", "b", "b", "c"]


def found(aim: Any, value: float, queries: list[str] = QUERIES) -> Threshold | OutOfReach:
    (threshold,) = find_thresholds(PLAIN, LOGITS, RELEVANT, queries, wanted=[Wanted(aim, value)])
    return threshold


def threshold_for(aim: Any, value: float) -> Threshold:
    threshold = found(aim, value)
    assert isinstance(threshold, Threshold)
    return threshold


def test_a_precision_by_hand() -> None:
    # Kept 1 to 5: precisions 1, 1/2, 2/3, 1/2, 3/5. Of those that reach 0.66, three documents are the most.
    threshold = threshold_for("precision", 0.66)
    assert 0.2689 < threshold.threshold.value <= 0.5
    assert threshold.precision.value == pytest.approx(2 / 3)
    assert threshold.recall.value == pytest.approx(2 / 3)
    assert threshold.kept.value == 1.0
    assert threshold.n_empty.value == 1  # c
    only = threshold_for("precision", 1.0)
    assert 0.7311 <= only.threshold.value <= 0.8808
    assert (only.kept.value, only.n_empty.value) == pytest.approx((1 / 3, 2))
    # With 3/5 in reach, everything is kept.
    assert threshold_for("precision", 0.6).threshold.value == 0.0


def test_a_recall_by_hand() -> None:
    # Kept 1 to 5: recalls 1/3, 1/3, 2/3, 2/3, 1. Of those that reach 0.5, three documents are the fewest.
    threshold = threshold_for("recall", 0.5)
    assert 0.2689 < threshold.threshold.value <= 0.5
    assert threshold.recall.value == pytest.approx(2 / 3)
    assert threshold_for("recall", 0.3).kept.value == pytest.approx(1 / 3)
    assert threshold_for("recall", 0.99).threshold.value == 0.0


def test_a_precision_that_nothing_reaches_says_how_far_one_comes() -> None:
    unreached = find_thresholds(PLAIN, LOGITS, [0, 1, 0, 1, 0], QUERIES, wanted=[Wanted("precision", 0.9)])
    assert unreached == [OutOfReach(Wanted("precision", 0.9), 0.5)]


def test_equal_probabilities_are_kept_or_dropped_together() -> None:
    (threshold,) = find_thresholds(PLAIN, [1, 1, 0, 0], [1, 0, 1, 0], QUERIES[:4], wanted=[Wanted("recall", 0.5)])
    assert isinstance(threshold, Threshold)
    assert threshold.kept.value == 1.0  # two documents, two queries
    assert threshold.precision.value == 0.5


@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from([-2.0, -1.0, 0.0, 0.5, 3.0]), st.booleans()), min_size=2, max_size=15))
def test_thresholds_are_those_of_scikit_learns_curve(pairs: list[tuple[float, bool]]) -> None:
    from sklearn.metrics import precision_recall_curve

    logits, relevant = [logit for logit, _ in pairs], [judgement for _, judgement in pairs]
    assume(len(set(relevant)) == 2)
    probabilities = PLAIN.probabilities(logits)
    precisions, recalls, cuts = precision_recall_curve(relevant, probabilities)
    aims: list[tuple[Aim, Any]] = [("precision", precisions[:-1]), ("recall", recalls[:-1])]
    wanted = [Wanted(aim, value) for aim, _ in aims for value in (0.3, 0.8, 1.0)]
    for threshold in find_thresholds(PLAIN, logits, relevant, range(len(pairs)), wanted=wanted):
        aim, least = threshold.wanted.aim, threshold.wanted.value
        values = dict(aims)[aim]
        reaching = cuts[values >= least - 1e-12]
        if isinstance(threshold, OutOfReach):
            assert len(reaching) == 0
            assert threshold.highest == pytest.approx(max(values))
            continue
        expected = reaching.min() if aim == "precision" else reaching.max()
        assert ((probabilities >= threshold.threshold.value) == (probabilities >= expected)).all()
        assert getattr(threshold, aim).value >= least - 1e-12


# Probabilities that lie closer together than single precision tells, or hardly farther.
NEAR = st.integers(-40, 40).map(lambda steps: 0.25 + steps * 2.0**-28)


@settings(max_examples=50)
@given(st.lists(st.tuples(NEAR, st.booleans()), min_size=4, max_size=12))
def test_a_threshold_holds_for_probabilities_of_single_and_of_double_precision(pairs: list[tuple[float, bool]]) -> None:
    probabilities = np.array([probability for probability, _ in pairs])
    relevant = np.array([is_relevant for _, is_relevant in pairs])
    assume(relevant.any())
    assume(not relevant.all())
    logits = np.log(probabilities / (1 - probabilities))
    double = PLAIN.probabilities(logits)
    single = double.astype(np.float32)
    for chosen in find_thresholds(PLAIN, logits, relevant, np.zeros(len(pairs))):
        if isinstance(chosen, OutOfReach):
            continue
        threshold = chosen.threshold.value
        kept = double >= threshold
        assert (single >= threshold).tolist() == kept.tolist()
        assert [float(one) >= threshold for one in single] == kept.tolist()
        assert kept.sum() == chosen.kept.value
        assert relevant[kept].mean() == pytest.approx(chosen.precision.value, abs=1e-12)


def test_intervals_of_queries_that_are_all_alike_are_points() -> None:
    logits, relevant = np.tile([2.0, 1.0, -1.0], 30), np.tile([1, 0, 0], 30)
    (threshold,) = find_thresholds(
        PLAIN, logits, relevant, np.repeat(np.arange(30), 3), wanted=[Wanted("precision", 0.5)]
    )
    assert isinstance(threshold, Threshold)
    for estimate in (threshold.threshold, threshold.precision, threshold.recall, threshold.kept, threshold.n_empty):
        assert estimate.low == estimate.value == estimate.high
    assert (threshold.kept.value, threshold.precision.value, threshold.n_empty.value) == (2.0, 0.5, 0.0)


def test_intervals_of_the_queries_left_empty_are_binomial() -> None:
    # 100 queries of two pairs, of which 40 have their relevant document above the others of all queries.
    is_high = np.arange(100) < 40
    logits = np.stack([np.where(is_high, 3.0, -1.0), np.full(100, -3.0)], axis=1).ravel()
    (threshold,) = find_thresholds(
        PLAIN, logits, np.tile([1, 0], 100), np.repeat(np.arange(100), 2), wanted=[Wanted("recall", 0.4)]
    )
    assert isinstance(threshold, Threshold)
    assert threshold.n_empty.value == 60
    # The binomial of 100 and 0.6: 95 of 100 lie within 50 and 69; 1,000 samples find that to 2.
    assert threshold.n_empty.low == pytest.approx(50, abs=2)
    assert threshold.n_empty.high == pytest.approx(69, abs=2)
    assert threshold.recall.low == pytest.approx(0.31, abs=0.02)


def test_a_recalls_threshold_is_chosen_anew_in_every_sample() -> None:
    # One relevant document for each of 20 queries, at logits 0.3 apart, and one far below all of them.
    own = 0.3 * np.arange(20) - 3
    logits = np.stack([own, np.full(20, -9.0)], axis=1).ravel()
    (threshold,) = find_thresholds(
        PLAIN, logits, np.tile([1, 0], 20), np.repeat(np.arange(20), 2), wanted=[Wanted("recall", 0.8)]
    )
    assert isinstance(threshold, Threshold)
    # Of 20 that are drawn with replacement, the 16th from the top is the highest that keeps four in five.
    drawn = np.random.default_rng(0).choice(own, (10_000, 20))
    ends = np.quantile(np.sort(drawn, axis=1)[:, 4], [0.025, 0.975])
    given = [math.log(p / (1 - p)) for p in (threshold.threshold.low, threshold.threshold.high)]
    assert given == pytest.approx(ends, abs=0.61), (
        "by two places, for a sample and for the gap that a threshold lies in"
    )


def test_a_threshold_that_many_samples_do_not_reach_has_no_upper_end() -> None:
    # Only one of ten queries has its relevant document on top: a third of the samples are without it.
    logits = np.arange(20)[::-1] / 2
    relevant = np.zeros(20)
    relevant[[0, 19]] = 1
    (threshold,) = find_thresholds(
        PLAIN, logits, relevant, np.repeat(np.arange(10), 2), wanted=[Wanted("precision", 1.0)]
    )
    assert isinstance(threshold, Threshold)
    assert math.isinf(threshold.threshold.high)


def test_the_same_data_give_the_same_intervals() -> None:
    logits, relevant, queries = judged()
    calibration = Calibration.fit(logits, relevant, queries)
    assert find_thresholds(calibration, logits, relevant, queries) == find_thresholds(
        calibration, logits, relevant, queries
    )
    wanted = [found.wanted for found in find_thresholds(calibration, logits, relevant, queries)]
    assert [(want.aim, want.value) for want in wanted] == [
        *[("precision", value) for value in (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)],
        *[("recall", value) for value in (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)],
    ]


@given(st.floats(0, 1), st.floats(0, 1))
def test_what_is_typed_cuts_where_it_should(one: float, other: float) -> None:
    low, high = sorted((one, other))
    if low < high:
        threshold = between(low, high)
        assert low < threshold <= high
        assert float(repr(threshold)) == threshold


def test_the_shortest_number_is_taken() -> None:
    assert between(0.3129, 0.3358) == 0.32
    assert between(0.2, 0.9) == 0.6
    assert between(None, 0.4) == 0.0


@pytest.mark.parametrize(
    ("aim", "value", "error", "message"),
    [
        ("f1", 0.5, InputError, 'aim must be one of "precision", "recall"'),
        (None, 0.5, InputError, 'aim must be one of "precision", "recall", got None'),
        ("precision", 0.0, InputError, "precision must be greater than 0 and at most 1, got 0.0"),
        ("recall", 1.5, InputError, "recall must be greater than 0 and at most 1, got 1.5"),
        ("recall", math.nan, InputError, "recall must be greater than 0 and at most 1, got nan"),
        ("precision", "0.9", InputTypeError, "precision must be a number, got str '0.9'"),
    ],
)
def test_wants_that_mean_nothing_are_refused(aim: Any, value: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Wanted(aim, value)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (Wanted("recall", 0.5), r"wanted must be a list such as \[Wanted\('precision', 0.9\)\], got Wanted"),
        (["recall"], r"wanted\[0\] must be such as Wanted\('precision', 0.9\), got str 'recall'"),
        ("recall", "wanted must be a list such as"),
        (np.array("recall"), "wanted must be a list such as"),
    ],
)
def test_what_is_wanted_is_checked(wanted: Any, message: str) -> None:
    with pytest.raises(InputTypeError, match=message):
        find_thresholds(platt(), *judged(), wanted=wanted)


def test_what_is_wanted_may_be_an_iterator_and_numbers_of_numpy() -> None:
    expected = find_thresholds(platt(), *judged(), wanted=[Wanted("recall", 0.5), Wanted("recall", 1)])
    numbers = (np.float32(0.5), np.int64(1))
    wanted = (Wanted("recall", number) for number in numbers)  # type: ignore[arg-type] # which are taken all the same
    assert find_thresholds(platt(), *judged(), wanted=wanted) == expected
