"""Functions from score to score that `rank` applies before a threshold, such as from a logit to a number up to 1."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from secondpass.errors import InputError
from secondpass.ranking.ranked_document import Passage

ScoreMap: TypeAlias = Callable[[float], float]
"""What a score becomes. Never decreasing, so that an order of scores is also an order of what they become."""


@runtime_checkable
class ArrayScoreMap(Protocol):
    """A score map that also takes any number of scores in one call, such as a calibration."""

    def __call__(self, score: float) -> float:
        """What one score becomes."""
        ...

    def probabilities(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        """What each score becomes, in the same shape; the numbers of single calls."""
        ...


def map_scores(score_map: ScoreMap, scores: Sequence[float]) -> list[float]:
    """What each score becomes, in one call where the map takes many: a thousand calls would hold an event loop up."""
    if isinstance(score_map, ArrayScoreMap):
        mapped: list[float] = score_map.probabilities(np.array(scores, np.float64)).tolist()
        return mapped
    return [score_map(score) for score in scores]


def map_passages(score_map: ScoreMap, passages: Sequence[Passage | None]) -> list[Passage | None]:
    """The passages with what their scores become; None stays."""
    mapped = iter(map_scores(score_map, [passage.score for passage in passages if passage is not None]))
    return [None if passage is None else Passage(passage.start, passage.end, next(mapped)) for passage in passages]


@dataclass(frozen=True, slots=True)
class Sigmoid:
    """`sigmoid(factor * score)`: from 0 to 1, for a score of any size.

    Args:
        factor: How steep it is, greater than 0 and finite.

    Raises:
        InputError: `factor` would turn the order round, or make all scores equal.
    """

    factor: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.factor < math.inf:
            raise InputError(f"factor must be greater than 0 and finite, got {self.factor}")

    def __call__(self, score: float) -> float:
        """The scaled score."""
        logit = self.factor * score
        # Two forms of one function: neither takes the exponential of a large positive number.
        if logit >= 0:
            return 1 / (1 + math.exp(-logit))
        return math.exp(logit) / (1 + math.exp(logit))
