"""Fits against scikit-learn's own classes, against their definitions, and by hand."""

import itertools
import json
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judgements import judged
from numpy.typing import NDArray

from secondpass.calibration import Beta, Isotonic, Method, Platt, Temperature
from secondpass.calibration.fitting import fit_map
from secondpass.calibration.judged_pairs import JudgedPairs
from secondpass.calibration.maps import map_of, parameters_of
from secondpass.errors import InputError

pytest.importorskip("sklearn")

PAIRS = JudgedPairs.check(*judged())


def likelihood(score_map: Any) -> float:
    """Mean log likelihood of Platt's targets."""
    n, m = PAIRS.n_relevant, len(PAIRS) - PAIRS.n_relevant
    targets = np.where(PAIRS.relevant, (n + 1) / (n + 2), 1 / (m + 2))
    probabilities = score_map(PAIRS.logits)
    return float((targets * np.log(probabilities) + (1 - targets) * np.log(1 - probabilities)).mean())


def test_platt_is_scikit_learns_sigmoid_calibration() -> None:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.frozen import FrozenEstimator

    class Decision(ClassifierMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
        """A fitted classifier, whose decision is its input."""

        classes_ = np.array([0, 1])

        def fit(self, *_: object) -> "Decision":
            self.fitted_ = True
            return self

        def decision_function(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
            return logits[:, 0]

        def predict(self, logits: NDArray[np.float64]) -> NDArray[np.bool_]:
            return logits[:, 0] > 0

    column = PAIRS.logits[:, None]
    model = CalibratedClassifierCV(FrozenEstimator(Decision().fit()), method="sigmoid").fit(column, PAIRS.relevant)
    fitted = fit_map("platt", PAIRS)
    np.testing.assert_allclose(fitted(PAIRS.logits), model.predict_proba(column)[:, 1], atol=1e-4)


def test_isotonic_is_scikit_learns() -> None:
    from sklearn.isotonic import IsotonicRegression

    reference = IsotonicRegression(out_of_bounds="clip").fit(PAIRS.logits, PAIRS.relevant)
    points = np.linspace(-20, 20, 500)
    np.testing.assert_allclose(fit_map("isotonic", PAIRS)(points), reference.predict(points), atol=1e-12)


@pytest.mark.parametrize("method", ["platt", "temperature", "beta"])
def test_no_parameter_can_be_moved_to_make_the_judgements_more_likely(method: Method) -> None:
    fitted = fit_map(method, PAIRS)
    best, parameters = likelihood(fitted), parameters_of(fitted)
    for name, step in itertools.product(parameters, (-1e-3, 1e-3)):
        moved = type(fitted)(**{**parameters, name: parameters[name] + step})  # type: ignore[operator,arg-type]
        assert likelihood(moved) < best


def test_what_made_the_pairs_is_found() -> None:
    fitted = fit_map("platt", JudgedPairs.check(*judged(400, slope=0.7, intercept=-1.0)))
    assert isinstance(fitted, Platt)
    # 20,000 pairs: the standard errors are below 0.02 and 0.03.
    assert fitted.slope == pytest.approx(0.7, abs=0.06)
    assert fitted.intercept == pytest.approx(-1.0, abs=0.09)
    temperature = fit_map("temperature", JudgedPairs.check(*judged(400, slope=0.5, intercept=0.0)))
    assert isinstance(temperature, Temperature)
    assert temperature.temperature == pytest.approx(2.0, abs=0.15)


@pytest.mark.parametrize("method", get_args(Method))
@given(st.floats(-200, 200), st.floats(1e-3, 100))
@settings(max_examples=25, deadline=None)
def test_what_is_fitted_to_logits_of_any_range_can_be_saved_and_loaded(
    method: Method, centre: float, spread: float
) -> None:
    logits = (0.0 if method == "temperature" else centre) + spread * PAIRS.logits  # whose 0.5 is at 0
    fitted = fit_map(method, JudgedPairs.check(logits, PAIRS.relevant, PAIRS.queries))
    assert map_of(method, json.loads(json.dumps(parameters_of(fitted))), "here") == fitted


def test_beta_of_high_logits_is_platts_map() -> None:
    # ln(s) of a logit above 40 is 0 in double precision but for the last places, and -ln(1 - s) is the logit itself.
    pairs = JudgedPairs.check(PAIRS.logits + 100, PAIRS.relevant, PAIRS.queries)
    beta, platt = fit_map("beta", pairs), fit_map("platt", pairs)
    assert isinstance(beta, Beta)
    assert isinstance(platt, Platt)
    assert (beta.a, beta.b, beta.c) == pytest.approx((0.0, platt.slope, platt.intercept), rel=1e-6)


def test_platt_of_two_logits_by_hand() -> None:
    # Platt's targets are 3/4 for 1.0 and 1/4 for -1.0 (n = m = 2); slope and intercept meet both: ln 3 and 0.
    fitted = fit_map("platt", JudgedPairs.check([1, 1, -1, -1], [1, 1, 0, 0], [0, 1, 0, 1]))
    assert isinstance(fitted, Platt)
    assert (fitted.slope, fitted.intercept) == pytest.approx((np.log(3), 0.0), abs=1e-5)


def test_isotonic_by_hand() -> None:
    # 3 and 4 stand the wrong way round, so that they share their mean.
    fitted = fit_map("isotonic", JudgedPairs.check([1, 2, 3, 4, 5], [0, 0, 1, 0, 1], list("aabbb")))
    assert isinstance(fitted, Isotonic)
    assert fitted(np.array([1.0, 2.0, 3.0, 4.0, 5.0])).tolist() == [0, 0, 0.5, 0.5, 1]


@pytest.mark.parametrize("method", get_args(Method))
def test_pairs_that_do_not_overlap_have_a_finite_map(method: Method) -> None:
    fitted = fit_map(method, JudgedPairs.check(np.arange(-20, 20), np.arange(-20, 20) >= 0, np.arange(40) // 4))
    low, high = fitted(np.array([-20.0, 20.0]))
    assert low < 0.1
    assert high > 0.9


@pytest.mark.parametrize("method", get_args(Method))
def test_scores_that_do_not_rise_with_relevance_are_refused(method: Method) -> None:
    logits, relevant, queries = judged()
    with pytest.raises(InputError, match=r"logits must rise with relevance, but relevant pairs have -.* on average"):
        fit_map(method, JudgedPairs.check(-logits, relevant, queries))


def test_a_temperature_cannot_move_where_half_is() -> None:
    pairs = JudgedPairs.check([5, 6, 7, 8, 9, 10], [0, 0, 0, 0, 1, 1], list("aabbcc"))
    with pytest.raises(InputError, match='method "temperature" must have logits that are mostly above 0 for relevant'):
        fit_map("temperature", pairs)


@pytest.mark.parametrize("method", ["platt", "beta", "isotonic"])
def test_logits_that_are_all_the_same_give_one_probability(method: Method) -> None:
    fitted = fit_map(method, JudgedPairs.check([2.0] * 40, [1] * 10 + [0] * 30, np.arange(40) // 4))
    # Platt's targets pull the share of 1/4 to the middle a little: (10 * 11/12 + 30 * 1/32) / 40.
    expected = 0.25 if method == "isotonic" else (10 * 11 / 12 + 30 / 32) / 40
    assert fitted(np.array([-9.0, 2.0, 9.0])).tolist() == pytest.approx([expected] * 3, abs=1e-6)


def test_a_method_that_is_none_is_refused() -> None:
    for method in ("minmax", None):
        with pytest.raises(InputError, match="method must be one of"):
            fit_map(method, PAIRS)  # type: ignore[arg-type] # what the check is for


@pytest.mark.parametrize("turned", [False, True])
def test_a_beta_map_that_would_fall_at_one_end_is_level_there_and_most_likely_elsewhere(*, turned: bool) -> None:
    logits, relevant, queries = judged(60)
    relevant = relevant & (logits < 3) | (logits < -6)  # fewer and fewer at one end, more at the other
    pairs = JudgedPairs.check(-logits, ~relevant, queries) if turned else JudgedPairs.check(logits, relevant, queries)
    n, m = pairs.n_relevant, len(pairs) - pairs.n_relevant
    targets = np.where(pairs.relevant, (n + 1) / (n + 2), 1 / (m + 2))

    def likelihood(score_map: Beta) -> float:
        p = score_map(pairs.logits)
        return float((targets * np.log(p) + (1 - targets) * np.log(1 - p)).mean())

    fitted = fit_map("beta", pairs)
    assert isinstance(fitted, Beta)
    assert (fitted.b if turned else fitted.a) == 0.0
    slope = "a" if turned else "b"
    for name, step in itertools.product((slope, "c"), (-1e-3, 1e-3)):
        values = {"a": fitted.a, "b": fitted.b, "c": fitted.c}
        assert likelihood(Beta(**{**values, name: values[name] + step})) < likelihood(fitted)
