"""Times become figures: interleaved repeats, medians, ratios of the same repeat."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

import numpy as np

from secondpass.errors import InputError

_Request = TypeVar("_Request")


@dataclass(frozen=True, slots=True)
class Times:
    """How long one contender took.

    Args:
        seconds: Of each call, a tuple a repeat.
    """

    seconds: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        """Check what the figures rely on."""
        if not self.seconds or not all(self.seconds):
            raise InputError("seconds must hold at least one repeat of at least one call")

    @property
    def per_repeat(self) -> list[float]:
        """Seconds of each repeat, all its calls together."""
        return [sum(repeat) for repeat in self.seconds]

    def per_second(self, n_pairs: int) -> float:
        """Documents a second, the median of the repeats; `n_pairs` is what one repeat scores."""
        return median(n_pairs / seconds for seconds in self.per_repeat)

    def milliseconds(self, percentile: float) -> float:
        """Of one call, over all calls of all repeats; `percentile` from 0 to 100."""
        return float(np.percentile(np.concatenate(self.seconds), percentile)) * 1000

    def times_faster_than(self, other: "Times") -> float:
        """How many times as fast as `other`: the median of each repeat's own ratio.

        A repeat of both ran within the same seconds, so what slows the machine down slows down both.
        """
        return median(theirs / ours for ours, theirs in zip(self.per_repeat, other.per_repeat, strict=True))


def interleaved(
    contenders: Mapping[str, Callable[[_Request], object]],
    requests: Sequence[_Request],
    repeats: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Times]:
    """Times of every contender on the same calls: A, B, C, A, B, C and so on.

    Args:
        contenders: What is called, by name, in the order of their turns.
        requests: What each is called with, one after the other, in every turn.
        repeats: Turns of each, at least 1.
        clock: Gives the time in seconds.

    Raises:
        InputError: `repeats` is below 1.
    """
    if repeats < 1:
        raise InputError(f"repeats must be at least 1, got {repeats}")
    seconds: dict[str, list[tuple[float, ...]]] = {name: [] for name in contenders}
    for _ in range(repeats):
        for name, call in contenders.items():
            seconds[name].append(tuple(_seconds(call, request, clock) for request in requests))
    return {name: Times(tuple(taken)) for name, taken in seconds.items()}


def _seconds(call: Callable[[_Request], object], request: _Request, clock: Callable[[], float]) -> float:
    start = clock()
    call(request)
    return clock() - start
