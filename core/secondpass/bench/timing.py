"""From times to figures: interleaved repeats, medians, ratios within a repeat."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

import numpy as np

from secondpass.arguments import check_count
from secondpass.errors import InputError

_Request = TypeVar("_Request")


@dataclass(frozen=True, slots=True)
class Times:
    """How long one contender took.

    Args:
        seconds: Of each call, one tuple per repeat.
    """

    seconds: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        """Check what the figures rely on."""
        if not self.seconds or not all(self.seconds):
            raise InputError("seconds must hold at least one repeat of at least one call")

    def of_call(self, number: int) -> "Times":
        """Those of one call of each repeat; the first is 0."""
        return Times(tuple((repeat[number],) for repeat in self.seconds))

    @property
    def per_repeat(self) -> list[float]:
        """Seconds of each repeat, its calls together."""
        return [sum(repeat) for repeat in self.seconds]

    def per_second(self, n_pairs: int) -> float:
        """Documents per second, the median of the repeats; one repeat scores `n_pairs`."""
        return median(n_pairs / seconds for seconds in self.per_repeat)

    def milliseconds(self, percentile: float) -> float:
        """A percentile, from 0 to 100, of the time per call, over all calls of all repeats."""
        return float(np.percentile(np.concatenate(self.seconds), percentile)) * 1000

    def times_faster_than(self, other: "Times") -> float:
        """How many times as fast as `other`: the median of each repeat's own ratio.

        Both ran a repeat within the same seconds, so what slows the machine down slows both down.
        """
        return median(theirs / ours for ours, theirs in zip(self.per_repeat, other.per_repeat, strict=True))


def time_in_turns(
    contenders: Mapping[str, Callable[[_Request], object]],
    requests: Sequence[_Request],
    repeats: int,
    clock: Callable[[], float] = time.perf_counter,
    around: Callable[[str], AbstractContextManager[object]] = nullcontext,
) -> dict[str, Times]:
    """Times of all contenders on the same calls, in turns: A, B, C, A, B, C and so on.

    Args:
        contenders: What is called, by name, in the order of their turns.
        requests: The arguments of the calls that make up a turn.
        repeats: Turns of each contender, at least 1.
        clock: Gives the time in seconds.
        around: Entered for each turn with the contender's name. If it ends an error, the contender has no more turns.

    Returns:
        Of those contenders whose turns all came to their end.

    Raises:
        InputError: `repeats` is below 1.
    """
    check_count("repeats", repeats)
    seconds: dict[str, list[tuple[float, ...]]] = {name: [] for name in contenders}
    for n_turns in range(repeats):
        for name, call in contenders.items():
            if len(seconds[name]) == n_turns:
                with around(name):
                    seconds[name].append(tuple(_seconds(call, request, clock) for request in requests))
    return {name: Times(tuple(turns)) for name, turns in seconds.items() if len(turns) == repeats}


def _seconds(call: Callable[[_Request], object], request: _Request, clock: Callable[[], float]) -> float:
    start = clock()
    call(request)
    return clock() - start
