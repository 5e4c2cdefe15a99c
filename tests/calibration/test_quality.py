"""Calibration error, Brier score and log loss: by hand, and as scikit-learn has them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from judgements import judged

from secondpass.calibration import quality, reliability
from secondpass.calibration.maps import sigmoid

pytest.importorskip("sklearn")

YES, NO = True, False


def test_all_three_by_hand() -> None:
    figures = quality(np.array([0.25, 0.75]), np.array([NO, YES]))
    # Two bins of one pair: each is off by 1/4. Brier: (1/16 + 1/16) / 2. Log loss: -ln(3/4).
    assert figures.ece == 0.25
    assert figures.brier == 1 / 16
    assert figures.log_loss == pytest.approx(-math.log(0.75))


def test_bins_have_equal_mass_and_equal_probabilities_share_one() -> None:
    probabilities = np.array([0.9, 0.1, 0.1, 0.1, 0.5, 0.7])
    relevant = np.array([YES, NO, YES, NO, YES, NO])
    # By two bins: three of 0.1 and the rest.
    low, high = reliability(probabilities, relevant, 2)
    assert (low.probability, low.share, low.n_pairs) == pytest.approx((0.1, 1 / 3, 3))
    assert (high.probability, high.share, high.n_pairs) == pytest.approx((0.7, 2 / 3, 3))
    # By three: the three of 0.1 are half of all and stay together.
    assert [b.n_pairs for b in reliability(probabilities, relevant, 3)] == [3, 1, 2]
    assert [b.n_pairs for b in reliability(np.full(6, 0.5), relevant)] == [6]


def test_calibration_error_of_unequal_bins_is_weighted() -> None:
    probabilities, relevant = np.array([0.1, 0.1, 0.1, 0.8]), np.array([NO, NO, NO, YES])
    assert quality(probabilities, relevant).ece == pytest.approx(0.75 * 0.1 + 0.25 * 0.2)


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.2, 0.2001, 0.9, 1.0]), st.booleans()), min_size=2), st.randoms())
def test_the_order_of_pairs_changes_nothing(pairs: list[tuple[float, bool]], random: "st.random.Random") -> None:  # type: ignore[name-defined]
    shuffled = list(pairs)
    random.shuffle(shuffled)
    first, second = (
        reliability(np.array([p for p, _ in some]), np.array([r for _, r in some])) for some in (pairs, shuffled)
    )
    for one, other in zip(first, second, strict=True):
        assert (one.n_pairs, one.share, one.probability) == pytest.approx(
            (other.n_pairs, other.share, other.probability)
        )
    assert sum(b.n_pairs for b in first) == len(pairs)


def test_bins_are_scikit_learns_where_no_probabilities_are_equal() -> None:
    from sklearn.calibration import calibration_curve

    logits, relevant, _ = judged(20, 50)
    probabilities = sigmoid(logits)
    shares, means = calibration_curve(relevant, probabilities, n_bins=10, strategy="quantile")
    bins = reliability(probabilities, relevant)
    np.testing.assert_allclose([b.share for b in bins], shares, atol=1e-12)
    np.testing.assert_allclose([b.probability for b in bins], means, atol=1e-12)
