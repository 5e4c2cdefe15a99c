"""Thresholds for a wanted precision or recall: where they lie, what they keep, and how sure that is."""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from secondpass.arguments import check_choice, describe, items_of
from secondpass.calibration.calibration import Calibration
from secondpass.calibration.judged_pairs import JudgedPairs
from secondpass.errors import InputError, InputTypeError

Array = NDArray[np.float64]
Aim: TypeAlias = Literal["precision", "recall"]

# What the table of `secondpass calibrate` has.
PRECISIONS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
RECALLS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)

# Samples of the queries, their seed, and the ends of what is reported of them: 95 of 100 lie within.
_N_SAMPLES, _SEED, _ENDS = 1000, 0, (0.025, 0.975)
# What shares may differ by through rounding.
_ROUNDING = 1e-12
# The most decimals of a threshold that still say more than rounding.
_DECIMALS = 17


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a threshold is to reach.

    Args:
        aim: "precision", the share of relevant ones among what is kept; or "recall", the share of what is kept among
            the relevant candidates.
        value: At least this much; greater than 0 and at most 1.

    Raises:
        InputError: There is no such aim or value.
    """

    aim: Aim
    value: float

    def __post_init__(self) -> None:
        check_choice("aim", self.aim, get_args(Aim), optional=False)
        if isinstance(self.value, bool) or not isinstance(self.value, int | float | np.integer | np.floating):
            raise InputTypeError(f"{self.aim} must be a number, got {describe(self.value)}")
        if not 0 < self.value <= 1:
            raise InputError(f"{self.aim} must be greater than 0 and at most 1, got {self.value}")
        object.__setattr__(self, "value", float(self.value))


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure of these queries, and where it lies for 95 of 100 samples of them (percentile bootstrap, Efron 1979).

    Args:
        value: The figure.
        low: The lower end.
        high: The upper end; infinite where so many samples do not have the figure at all.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Threshold:
    """A threshold and what it does to these queries.

    Args:
        wanted: What it is for.
        threshold: Keep probabilities of at least this much; the interval is that of the threshold chosen anew in each
            sample of the queries.
        precision: The share of relevant ones among what is kept. Its interval, and those below, are for this threshold.
        recall: The share of what is kept among the relevant candidates.
        kept: Documents kept per query.
        n_empty: Number of queries of which nothing is kept.
    """

    wanted: Wanted
    threshold: Estimate
    precision: Estimate
    recall: Estimate
    kept: Estimate
    n_empty: Estimate


@dataclass(frozen=True, slots=True)
class OutOfReach:
    """What no threshold reaches.

    Args:
        wanted: What was wanted.
        highest: The most that a threshold reaches.
    """

    wanted: Wanted
    highest: float


def find_thresholds(
    calibration: Calibration,
    logits: ArrayLike,
    relevant: ArrayLike,
    queries: Iterable[Hashable],
    *,
    wanted: Iterable[Wanted] | None = None,
) -> list[Threshold | OutOfReach]:
    """The thresholds for wanted precisions and recalls: the lowest that reaches a precision, the highest for a recall.

    All intervals come from 1,000 samples of the queries, for pairs of one query are not independent.

    Args:
        calibration: What makes probabilities of the logits.
        logits: As in `Calibration.fit`, as the next two.
        relevant: Whether each pair is relevant.
        queries: The query of each pair.
        wanted: What is to be reached; None takes precisions from 0.5 to 0.95 and recalls from 0.5 to 0.99.

    Returns:
        One for each that is wanted, in order.

    Raises:
        InputError: As in `Calibration.fit`, or `wanted` holds something else.
    """
    wanted = _check_wanted(wanted)
    pairs = JudgedPairs.check(logits, relevant, queries)
    cuts = _Cuts.of(calibration.probabilities(pairs.logits), pairs)
    samples = _samples(pairs)
    places = [cuts.place(want, cuts.precision(), cuts.recall()) for want in wanted]
    chosen_anew = cuts.chosen_anew(wanted, samples)
    return [
        OutOfReach(want, float(cuts.precision().max()))
        if place is None
        else _threshold(want, place, cuts, pairs, samples, chosen_anew[:, i])
        for i, (want, place) in enumerate(zip(wanted, places, strict=True))
    ]


def _check_wanted(wanted: object) -> list[Wanted]:
    if wanted is None:
        return [Wanted("precision", p) for p in PRECISIONS] + [Wanted("recall", r) for r in RECALLS]
    items = None if isinstance(wanted, str) else items_of(wanted)
    if items is None:
        raise InputTypeError(f"wanted must be a list such as [Wanted('precision', 0.9)], got {describe(wanted)}")
    checked: list[Wanted] = []
    for number, want in enumerate(items):
        if not isinstance(want, Wanted):
            raise InputTypeError(f"wanted[{number}] must be such as Wanted('precision', 0.9), got {describe(want)}")
        checked.append(want)
    return checked


@dataclass(frozen=True, slots=True)
class _Cuts:
    """The places where the pairs, best first, can be cut: behind each different probability.

    Some scorers give a probability in single precision, others in double: probabilities differ here where they do in
    single, and a threshold cuts those of either kind alike.

    Args:
        thresholds: Each cut's, falling. Shape: (n_cuts,).
        last: The last pair that is kept, in the order below. Shape: (n_cuts,).
        queries: Of the pairs, by falling probability. Shape: (n_pairs,).
        relevant: Likewise.
    """

    thresholds: Array
    last: NDArray[np.intp]
    queries: NDArray[np.intp]
    relevant: NDArray[np.bool_]

    @classmethod
    def of(cls, probabilities: Array, pairs: JudgedPairs) -> "_Cuts":
        order = np.argsort(-probabilities, kind="stable")
        falling = probabilities[order]
        single = falling.astype(np.float32)
        last = np.flatnonzero(np.append(np.diff(single) < 0, [True]))
        # Of a probability in either precision, what lies farther into the gap.
        highest, lowest = np.maximum(falling, single), np.minimum(falling, single)
        below = [float(highest[i + 1]) if i + 1 < len(falling) else None for i in last]
        thresholds = [between(low, float(lowest[i])) for low, i in zip(below, last, strict=True)]
        return cls(np.array(thresholds), last, pairs.queries[order], pairs.relevant[order])

    def precision(self, weights: Array | None = None) -> Array:
        """The precision at each cut, of pairs that count so many times; 0 where nothing is kept. Shape: (n_cuts,)."""
        weights = np.ones(len(self.relevant)) if weights is None else weights
        kept = np.cumsum(weights)[self.last]
        precision: Array = np.cumsum(weights * self.relevant)[self.last] / np.maximum(kept, 1)
        return precision

    def recall(self, weights: Array | None = None) -> Array:
        """The recall at each cut; likewise."""
        weights = np.ones(len(self.relevant)) if weights is None else weights
        relevant = np.cumsum(weights * self.relevant)
        recall: Array = relevant[self.last] / relevant[-1]
        return recall

    @staticmethod
    def place(wanted: Wanted, precision: Array, recall: Array) -> int | None:
        """The cut that keeps the most with the wanted precision, or the least with the wanted recall."""
        if wanted.aim == "precision":
            reaching = np.flatnonzero(precision >= wanted.value - _ROUNDING)
            return int(reaching[-1]) if len(reaching) else None
        return int(np.flatnonzero(recall >= wanted.value - _ROUNDING)[0])

    def chosen_anew(self, wanted: Sequence[Wanted], samples: Array) -> Array:
        """The thresholds of each sample of the queries, infinite where one is out of reach.

        Args:
            wanted: What is to be reached.
            samples: How often each query counts. Shape: (n_samples, n_queries).

        Returns:
            Shape: (n_samples, n_wanted).
        """
        chosen = np.full((len(samples), len(wanted)), np.inf)
        for row, counts in zip(chosen, samples, strict=True):
            weights = counts[self.queries]
            precision, recall = self.precision(weights), self.recall(weights)
            for i, want in enumerate(wanted):
                place = self.place(want, precision, recall)
                if place is not None:
                    row[i] = self.thresholds[place]
        return chosen


def between(low: float | None, high: float) -> float:
    """The shortest decimal above `low` and up to `high`: it cuts between them, and can be typed.

    Rounded to single precision, as numpy rounds a number that it compares with such an array, it is above `low` too,
    unless these two are one there.

    Args:
        low: The highest probability that is not to be kept; None where all are kept.
        high: The lowest that is.
    """
    if low is None:
        return 0.0
    for decimals in range(1, _DECIMALS):
        middle = round((low + high) / 2, decimals)
        if low < middle <= high and np.float32(middle) > np.float32(low):
            return middle
    return high


def _samples(pairs: JudgedPairs) -> Array:
    """How often each query counts in each sample of as many queries. Shape: (at most _N_SAMPLES, n_queries)."""
    n_queries = pairs.n_queries
    drawn = np.random.default_rng(_SEED).multinomial(n_queries, np.full(n_queries, 1 / n_queries), size=_N_SAMPLES)
    samples = drawn.astype(np.float64)
    # Without a relevant pair there is nothing to reach.
    relevant: Array = samples[samples @ _per_query(pairs, pairs.relevant) > 0]
    return relevant


def _threshold(
    wanted: Wanted, place: int, cuts: _Cuts, pairs: JudgedPairs, samples: Array, chosen_anew: Array
) -> Threshold:
    n_kept, n_kept_relevant = np.zeros(pairs.n_queries), np.zeros(pairs.n_queries)
    kept = slice(0, int(cuts.last[place]) + 1)
    np.add.at(n_kept, cuts.queries[kept], 1.0)
    np.add.at(n_kept_relevant, cuts.queries[kept], cuts.relevant[kept].astype(np.float64))
    n_relevant, is_empty = _per_query(pairs, pairs.relevant), (n_kept == 0).astype(np.float64)
    ones = np.ones(pairs.n_queries)
    return Threshold(
        wanted,
        _estimate(float(cuts.thresholds[place]), chosen_anew),
        _ratio(n_kept_relevant, n_kept, samples),
        _ratio(n_kept_relevant, n_relevant, samples),
        _ratio(n_kept, ones, samples),
        _estimate(float(is_empty.sum()), samples @ is_empty),
    )


def _per_query(pairs: JudgedPairs, values: NDArray[np.bool_]) -> Array:
    """Number of the pairs of each query for which this holds. Shape: (n_queries,)."""
    counts: Array = np.bincount(pairs.queries, weights=values, minlength=pairs.n_queries).astype(np.float64)
    return counts


def _ratio(above: Array, below: Array, samples: Array) -> Estimate:
    """A ratio of two sums over the queries."""
    sums = samples @ below
    has_some = sums > 0
    return _estimate(float(above.sum() / below.sum()), (samples @ above)[has_some] / sums[has_some])


def _estimate(value: float, sampled: Array) -> Estimate:
    low, high = np.quantile(sampled, _ENDS, method="inverted_cdf")  # no interpolation: some may be infinite
    return Estimate(value, float(low), float(high))
