"""Many callers at a time: threads of one process that share a scorer, beside one call with all of their pairs."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from secondpass.bench.contenders import BASELINE, noting_failure
from secondpass.bench.setting import ScoreFunction
from secondpass.bench.timing import Times, time_in_turns
from secondpass.bench.workloads import CALLERS, Workload
from secondpass.concurrency.threads import map_in_threads
from secondpass.ranking import Pair


@dataclass(frozen=True, slots=True)
class Concurrency:
    """What one contender reached.

    Args:
        callers: Seconds of all calls together, from the first one's begin to the last one's end.
        one_call: Seconds of one call with all pairs.
        calls: Seconds of each call.
        ratio: How many times as fast as the baseline with as many callers, the median of each repeat's ratio; None
            without the baseline.
    """

    callers: Times
    one_call: Times
    calls: Times
    ratio: float | None

    @property
    def of_one_call(self) -> float:
        """Documents per second, as a share of one call's with all pairs: the median of each repeat's ratio."""
        return self.callers.times_faster_than(self.one_call)

    def fair_milliseconds(self, n_pairs: int, n_callers: int) -> float:
        """What a call takes where all callers have an equal share of one call's speed.

        Args:
            n_pairs: Of all calls of a repeat, which have equally many.
            n_callers: How many calls there are at a time.
        """
        n_per_call = n_pairs / len(self.calls.seconds[0])
        return 1000 * n_callers * n_per_call / self.one_call.per_second(n_pairs)


@dataclass(frozen=True, slots=True)
class ConcurrentResult:
    """What all contenders reached.

    Args:
        workload: The calls.
        tokens: Summary of its pairs' lengths.
        n_callers: Threads that make them.
        figures: By contender.
    """

    workload: Workload
    tokens: Mapping[str, float]
    n_callers: int
    figures: Mapping[str, Concurrency]

    def as_json(self) -> dict[str, Any]:
        """As results.json holds it."""
        n_pairs = len(self.workload.pairs)
        return {
            "name": self.workload.name,
            "source": self.workload.source,
            "n_callers": self.n_callers,
            "n_requests": len(self.workload.requests),
            "n_pairs": n_pairs,
            "tokens": dict(self.tokens),
            "contenders": [
                {
                    "name": name,
                    "docs_per_second": round(figure.callers.per_second(n_pairs), 2),
                    "docs_per_second_in_one_call": round(figure.one_call.per_second(n_pairs), 2),
                    "of_one_call": round(figure.of_one_call, 4),
                    "ratio": None if figure.ratio is None else round(figure.ratio, 4),
                    "p50_ms": round(figure.calls.milliseconds(50), 3),
                    "p95_ms": round(figure.calls.milliseconds(95), 3),
                    "fair_ms": round(figure.fair_milliseconds(n_pairs, self.n_callers), 3),
                    "seconds": [round(seconds, 6) for seconds in figure.callers.per_repeat],
                    "seconds_of_one_call": [round(seconds, 6) for seconds in figure.one_call.per_repeat],
                    "seconds_of_calls": [[round(call, 6) for call in repeat] for repeat in figure.calls.seconds],
                }
                for name, figure in self.figures.items()
            ],
        }


def measure_concurrent(
    workload: Workload,
    tokens: Mapping[str, float],
    scorers: Mapping[str, ScoreFunction],
    *,
    repeats: int,
) -> tuple[ConcurrentResult, dict[str, str]]:
    """Measure scorers with many callers at a time, and with one who has all of their pairs, all of them in turns.

    Args:
        workload: The calls; each thread makes the next one as soon as it has made one.
        tokens: Summary of its pairs' lengths.
        scorers: By the names of contenders.
        repeats: Interleaved turns of either way, at least 1.

    Returns:
        The figures, and who failed when called from several threads at a time, now or then, with the reason.
    """
    failures: dict[str, str] = {}
    for name, score in scorers.items():  # this also warms them up
        with noting_failure(name, failures):
            call_from_threads(score, workload.requests, CALLERS)
    calls: dict[str, list[tuple[float, ...]]] = {name: [] for name in scorers if name not in failures}

    def one_call(name: str) -> None:
        scorers[name](workload.pairs)

    def callers(name: str) -> None:
        calls[name].append(call_from_threads(scorers[name], workload.requests, CALLERS))

    def in_way(name: str, way: Callable[[str], None]) -> None:
        way(name)

    turns = {name: partial(in_way, name) for name in calls}
    times = time_in_turns(turns, (one_call, callers), repeats, around=lambda name: noting_failure(name, failures))
    base = times[BASELINE].of_call(1) if BASELINE in times else None
    figures = {}
    for name, both in times.items():
        own = both.of_call(1)
        ratio = None if base is None else own.times_faster_than(base)
        figures[name] = Concurrency(own, both.of_call(0), Times(tuple(calls[name])), ratio)
    return ConcurrentResult(workload, tokens, CALLERS, figures), failures


def call_from_threads(score: ScoreFunction, requests: Sequence[Sequence[Pair]], n_callers: int) -> tuple[float, ...]:
    """Seconds of each call, made by so many threads at a time."""

    def timed(request: Sequence[Pair]) -> float:
        began = time.perf_counter()
        score(request)
        return time.perf_counter() - began

    together = threading.Barrier(min(n_callers, len(requests)), timeout=60)
    return tuple(map_in_threads(timed, requests, n_callers, prepare=together.wait))
