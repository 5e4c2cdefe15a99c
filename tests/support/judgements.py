"""Judged pairs that are made up (logits, whether each is relevant, its query), and a calibration of known numbers."""

import datetime as dt

import numpy as np
from numpy.typing import NDArray

from secondpass.calibration import Calibration, Isotonic, Platt
from secondpass.calibration.maps import ProbabilityMap

Pairs = tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64]]


def judged(n_queries: int = 40, per_query: int = 50, *, slope: float = 0.7, intercept: float = -1.0) -> Pairs:
    """Pairs that are relevant with probability `sigmoid(slope * logit + intercept)`, the same in every run."""
    numbers = np.random.default_rng(0)
    logits = numbers.normal(-1.0, 3.0, n_queries * per_query)
    relevant = numbers.random(len(logits)) < 1 / (1 + np.exp(-(slope * logits + intercept)))
    return logits, relevant, np.repeat(np.arange(n_queries), per_query)


def platt(slope: float = 0.5, intercept: float = -1.0, fingerprint: str | None = None) -> Calibration:
    """`sigmoid(slope * logit + intercept)`, fitted to nothing."""
    return _unfitted(Platt(slope, intercept), fingerprint)


def steps(logit: float = 0.0, fingerprint: str | None = None) -> Calibration:
    """0.1 up to a logit and 0.9 beyond it: all logits on either side are alike."""
    return _unfitted(Isotonic((logit, logit + 0.01), (0.1, 0.9)), fingerprint)


def _unfitted(score_map: ProbabilityMap, fingerprint: str | None) -> Calibration:
    return Calibration(
        score_map=score_map,
        fingerprint=fingerprint,
        base_rate=0.25,
        n_pairs=100,
        n_queries=10,
        held_out=None,
        date=dt.date(2026, 1, 31),
    )
