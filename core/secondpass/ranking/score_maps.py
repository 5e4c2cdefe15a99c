"""Functions from score to score that `rank` applies before a threshold, such as from a logit to a number up to 1."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from secondpass.errors import InputError

ScoreMap: TypeAlias = Callable[[float], float]
"""What a score becomes. Never decreasing, so that an order of scores is also an order of what they become."""


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
