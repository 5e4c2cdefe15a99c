"""The maps: their formulas by hand, that none of them falls, and what they refuse."""

import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondpass.calibration import Beta, Isotonic, Platt, ProbabilityMap, Temperature
from secondpass.calibration.maps import map_of, parameters_of
from secondpass.errors import InputError

LOGITS = st.lists(st.floats(allow_nan=False), min_size=2, max_size=20)
STEEPNESS = st.floats(0, 1e6)
MAPS = st.one_of(
    st.builds(Platt, STEEPNESS, st.floats(-1e6, 1e6)),
    st.builds(Temperature, st.floats(1e-6, 1e6)),
    st.builds(Beta, STEEPNESS, STEEPNESS, st.floats(-1e6, 1e6)),
    st.just(Isotonic((-1.0, 0.0, 2.0), (0.1, 0.1, 0.9))),
)


def at(score_map: ProbabilityMap, *logits: float) -> list[float]:
    probabilities: list[float] = score_map(np.array(logits)).tolist()
    return probabilities


def test_platt_by_hand() -> None:
    # sigmoid(1) and sigmoid(-1) by any table.
    assert at(Platt(2.0, -1.0), 1.0, 0.0) == pytest.approx([0.7310585786, 0.2689414214], abs=1e-9)


def test_temperature_by_hand() -> None:
    assert at(Temperature(2.0), 2.0, 0.0, -2.0) == pytest.approx([0.7310585786, 0.5, 0.2689414214], abs=1e-9)


def test_beta_by_hand() -> None:
    # s = sigmoid(0) = 1/2: 3 ln(1/2) - 1 ln(1/2) + 0 = -2 ln 2, and sigmoid(-ln 4) = 1/5.
    assert at(Beta(3.0, 1.0, 0.0), 0.0) == pytest.approx([0.2])
    # a = b is Platt's map: ln(s) - ln(1 - s) is the logit.
    assert at(Beta(0.5, 0.5, 1.0), -3.0, 0.0, 4.0) == pytest.approx(at(Platt(0.5, 1.0), -3.0, 0.0, 4.0))


def test_isotonic_by_hand() -> None:
    assert at(Isotonic((0.0, 2.0), (0.2, 0.6)), -9.0, 0.0, 1.0, 2.0, 9.0) == pytest.approx([0.2, 0.2, 0.4, 0.6, 0.6])


@given(MAPS, LOGITS)
def test_no_map_falls_or_leaves_0_to_1(score_map: ProbabilityMap, logits: list[float]) -> None:
    probabilities = score_map(np.sort(np.array(logits)))
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    # exp and log round to the last place or two.
    assert (np.diff(probabilities) >= -1e-15).all()


@given(MAPS, LOGITS)
def test_many_at_once_are_those_of_single_calls_to_the_last_bit(score_map: ProbabilityMap, logits: list[float]) -> None:
    assert score_map(np.array(logits)).tolist() == [float(score_map(np.array(logit))) for logit in logits]


@given(MAPS)
def test_a_pickled_map_is_the_same(score_map: ProbabilityMap) -> None:
    copied = pickle.loads(pickle.dumps(score_map))  # noqa: S301 - our own
    assert (copied, hash(copied), repr(copied)) == (score_map, hash(score_map), repr(score_map))
    assert at(copied, -0.3, 1.7) == at(score_map, -0.3, 1.7)


@given(MAPS)
def test_nan_stays_nan(score_map: ProbabilityMap) -> None:
    assert math.isnan(at(score_map, math.nan)[0])


@given(MAPS)
def test_parameters_go_through_json(score_map: ProbabilityMap) -> None:
    assert map_of(score_map.method, parameters_of(score_map), "here") == score_map


@pytest.mark.parametrize(
    ("kind", "parameters", "message"),
    [
        (Platt, (-0.1, 0.0), "slope must be at least 0, so that probabilities never fall, got -0.1"),
        (Platt, (math.nan, 0.0), "slope must be a finite number in single precision, got nan"),
        (Platt, (1.0, math.inf), "intercept must be a finite number in single precision, got inf"),
        (Temperature, (1e39,), r"temperature must be a finite number in single precision, got 1e\+39"),
        (Temperature, (0.0,), "temperature must be greater than 0, got 0.0"),
        (Beta, (1.0, -1.0, 0.0), "b must be at least 0, so that probabilities never fall, got -1.0"),
        (Isotonic, ((), ()), "of which there is at least one, got 0 and 0"),
        (Isotonic, ((1.0,), (0.1, 0.2)), "a number for each knot, of which there is at least one, got 1 and 2"),
        (Isotonic, ((1.0, 1.0), (0.1, 0.2)), "logits must be finite in single precision, and rise from knot to knot"),
        (Isotonic, ((1.0, 1e39), (0.1, 0.2)), "logits must be finite in single precision, and rise from knot to knot"),
        (Isotonic, ((1.0, 2.0), (0.2, 0.1)), "probabilities must be from 0 to 1 and never fall from knot to knot"),
        (Isotonic, ((1.0, 2.0), (0.2, 1.1)), "probabilities must be from 0 to 1"),
        (Isotonic, ((1.0, 2.0), (0.2, math.nan)), "probabilities must be from 0 to 1"),
    ],
)
def test_parameters_that_would_make_a_map_fall_are_refused(kind: Any, parameters: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        kind(*parameters)


@pytest.mark.parametrize(
    ("score_map", "low", "high"),
    [
        (Platt(0.0, math.log(3)), 0.75, 0.75),
        (Beta(0.0, 0.0, math.log(3)), 0.75, 0.75),
        (Beta(0.0, 1.0, math.log(3)), 0.75, 1.0),
        (Beta(1.0, 0.0, math.log(3)), 0.0, 0.75),
    ],
)
def test_a_level_end_is_level_to_infinity(score_map: ProbabilityMap, low: float, high: float) -> None:
    assert score_map(np.array([-np.inf, np.inf])).tolist() == pytest.approx([low, high])
