"""What a calibration is worth, in one value: every method's figures, reliability before and after, and thresholds."""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from secondpass.calibration.calibration import Calibration
from secondpass.calibration.judged_pairs import JudgedPairs
from secondpass.calibration.maps import Method, sigmoid
from secondpass.calibration.quality import Bin, Quality, quality, reliability
from secondpass.calibration.thresholds import Estimate, OutOfReach, Threshold, find_thresholds
from secondpass.calibration.validation import held_out_probabilities
from secondpass.errors import InputError


@dataclass(frozen=True, slots=True)
class CalibrationReport:
    """A calibration beside the plain sigmoid and the other methods.

    Args:
        calibration: The one that is reported.
        n_relevant: Number of relevant pairs.
        before: How good `sigmoid(logit)` is.
        methods: How good each method is on queries that it was not fitted to; those that cannot be fitted are missing.
        reliability_before: Bins of `sigmoid(logit)`.
        reliability_after: Bins of the calibration's method, held out; none where no query can be.
        thresholds: For wanted precisions and recalls.
        logits: Of the pairs. Shape: (n_pairs,).
        relevant: Whether each is relevant. Shape: (n_pairs,).
    """

    calibration: Calibration
    n_relevant: int
    before: Quality
    methods: Mapping[Method, Quality]
    reliability_before: tuple[Bin, ...]
    reliability_after: tuple[Bin, ...]
    thresholds: tuple[Threshold | OutOfReach, ...]
    logits: NDArray[np.float64] = field(repr=False)
    relevant: NDArray[np.bool_] = field(repr=False)

    def as_json(self) -> dict[str, object]:
        """The report for JSON, without the pairs."""
        return {
            "calibration": self.calibration.as_json(),
            "n_relevant": self.n_relevant,
            "before": asdict(self.before),
            "methods": {method: asdict(figures) for method, figures in self.methods.items()},
            "reliability": {
                "before": [asdict(b) for b in self.reliability_before],
                "after": [asdict(b) for b in self.reliability_after],
            },
            "thresholds": [_as_json(threshold) for threshold in self.thresholds],
        }


def report_calibration(
    calibration: Calibration, logits: ArrayLike, relevant: ArrayLike, queries: Iterable[Hashable]
) -> CalibrationReport:
    """Report a calibration on the pairs that it was fitted to.

    Args:
        calibration: From `Calibration.fit`.
        logits: As given there, as the next two.
        relevant: Whether each pair is relevant.
        queries: The query of each pair.

    Raises:
        InputError: As in `Calibration.fit`.
        MissingExtraError: scikit-learn is not installed.
    """
    pairs = JudgedPairs.check(logits, relevant, queries)
    before, held_out = sigmoid(pairs.logits), _held_out(pairs)
    after = held_out.get(calibration.method)
    return CalibrationReport(
        calibration,
        pairs.n_relevant,
        quality(before, pairs.relevant),
        {method: quality(probabilities, pairs.relevant) for method, probabilities in held_out.items()},
        tuple(reliability(before, pairs.relevant)),
        () if after is None else tuple(reliability(after, pairs.relevant)),
        tuple(find_thresholds(calibration, pairs.logits, pairs.relevant, pairs.queries)),
        pairs.logits,
        pairs.relevant,
    )


def _held_out(pairs: JudgedPairs) -> dict[Method, NDArray[np.float64]]:
    """The probabilities of each method that these pairs allow, by maps that were fitted to other queries."""
    probabilities: dict[Method, NDArray[np.float64]] = {}
    for method in get_args(Method):
        try:
            probabilities[method] = held_out_probabilities(method, pairs)
        except InputError:
            continue
    return probabilities


def _as_json(threshold: Threshold | OutOfReach) -> dict[str, object]:
    if isinstance(threshold, OutOfReach):
        return {"aim": threshold.wanted.aim, "value": threshold.wanted.value, "highest": threshold.highest}
    names = ("threshold", "precision", "recall", "kept", "n_empty")
    return {
        "aim": threshold.wanted.aim,
        "value": threshold.wanted.value,
        **{name: _finite(getattr(threshold, name)) for name in names},
    }


def _finite(estimate: Estimate) -> dict[str, float | None]:
    """JSON has no infinity: None where samples do not have the figure."""
    return {name: value if np.isfinite(value) else None for name, value in asdict(estimate).items()}
