"""From a setting and workloads to results: load, warm up, compare scores, time in turns, measure memory."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondpass.arguments import check_count
from secondpass.bench.concurrent import ConcurrentResult, measure_concurrent
from secondpass.bench.contenders import BASELINE, Contender, largest_difference, load, noting_failure, scores_of
from secondpass.bench.fresh_process import DESCRIPTION, FreshRun, peak_mib, run_fresh
from secondpass.bench.setting import ScoreFunction, Setting
from secondpass.bench.signature import collect_signature, token_summary
from secondpass.bench.timing import Times, time_in_turns
from secondpass.bench.windows import WindowCost, measure_windows
from secondpass.bench.workloads import COLD_START, CONCURRENT, Workload
from secondpass.errors import InputError

# Goes up when results.json changes its shape.
FORMAT = 3


@dataclass(frozen=True, slots=True)
class Figure:
    """What one contender reached on one workload.

    Args:
        times: Of every call.
        ratio: How many times as fast as the baseline, the median of each repeat's ratio; None without the baseline.
        difference: Largest distance of a score from the baseline's, in logits; None without the baseline.
        peak_mib: See `fresh_process.DESCRIPTION`; None if it was not measured, as of those who would convert the
            checkpoint first.
    """

    times: Times
    ratio: float | None
    difference: float | None
    peak_mib: float | None


@dataclass(frozen=True, slots=True)
class WorkloadResult:
    """One workload's figures.

    Args:
        workload: What was measured.
        tokens: Summary of its pairs' lengths.
        figures: By contender.
    """

    workload: Workload
    tokens: Mapping[str, float]
    figures: Mapping[str, Figure]

    def as_json(self) -> dict[str, Any]:
        """As results.json holds it."""
        n_pairs = len(self.workload.pairs)
        return {
            "name": self.workload.name,
            "source": self.workload.source,
            "n_requests": len(self.workload.requests),
            "n_pairs": n_pairs,
            "tokens": dict(self.tokens),
            "contenders": [
                {
                    "name": name,
                    "docs_per_second": round(figure.times.per_second(n_pairs), 2),
                    "ratio": _rounded(figure.ratio, 4),
                    "p50_ms": round(figure.times.milliseconds(50), 3),
                    "p95_ms": round(figure.times.milliseconds(95), 3),
                    "score_difference": figure.difference,
                    "peak_mib": _rounded(figure.peak_mib, 1),
                    "seconds": [[round(call, 6) for call in repeat] for repeat in figure.times.seconds],
                }
                for name, figure in self.figures.items()
            ],
        }


@dataclass(frozen=True, slots=True)
class Results:
    """A whole run.

    Args:
        signature: Everything the figures depend on.
        left_out: Contenders that could not take part, and why.
        workloads: In the order they were measured.
        windows: What windows cost, where there were documents to read in them.
        concurrent: What many callers at a time reached, where that was asked for.
    """

    signature: Mapping[str, Any]
    left_out: Mapping[str, str]
    workloads: Sequence[WorkloadResult]
    windows: Sequence[WindowCost] = ()
    concurrent: Sequence[ConcurrentResult] = ()

    def as_json(self) -> dict[str, Any]:
        """As results.json holds it."""
        return {
            "format": FORMAT,
            "signature": dict(self.signature),
            "baseline": BASELINE,
            "peak_mib_is": DESCRIPTION,
            "left_out": dict(self.left_out),
            "workloads": [result.as_json() for result in self.workloads],
            "windows": [cost.as_json() for cost in self.windows],
            "concurrent": [result.as_json() for result in self.concurrent],
        }


def measure(
    setting: Setting,
    model: str,
    workloads: Sequence[Workload],
    contenders: Sequence[Contender],
    *,
    long: Sequence[Workload] = (),
    repeats: int = 5,
    memory: bool = True,
    say: Callable[[str], None] = lambda _: None,
) -> Results:
    """Measure every contender that can take part on every workload, all of them in this process.

    Args:
        setting: What every contender is loaded with.
        model: The model in words, for the signature.
        workloads: What is scored.
        contenders: Who competes.
        long: Documents that our contenders also read in windows.
        repeats: Interleaved turns of each, at least 1.
        memory: Also measure memory, each contender and workload in a process of its own; those who would convert the
            checkpoint first do not compete.
        say: Called with a line of text at every step.

    Raises:
        InputError: No contender can take part; the message says why, for each.
    """
    signature = collect_signature(setting, model, repeats=repeats)
    scorers: dict[str, ScoreFunction] = {}
    left_out: dict[str, str] = {}
    for contender in contenders:
        say(f"loading {contender.name}")
        loaded = load(contender, setting)
        if isinstance(loaded, str):
            left_out[contender.name] = loaded
        else:
            scorers[contender.name] = loaded
    if not scorers:
        raise InputError("no contender can take part: " + "; ".join(f"{name}: {why}" for name, why in left_out.items()))
    taking_part = [contender for contender in contenders if contender.name in scorers]
    results = []
    concurrent = []
    for workload in workloads:
        say(f"{workload.name}: {len(workload.pairs)} pairs, {len(scorers)} contenders")
        tokens = token_summary(workload, setting)
        if workload.name == CONCURRENT:
            result, failures = measure_concurrent(workload, tokens, scorers, repeats=repeats)
            concurrent.append(result)
        elif workload.name == COLD_START:
            figures, failures = _cold_figures(workload, scorers, taking_part, setting, repeats)
            results.append(WorkloadResult(workload, tokens, figures))
        else:
            measured = [contender for contender in taking_part if memory and not contender.converts]
            peaks = {contender.name: peak_mib(contender, setting, workload) for contender in measured}
            figures, failures = _figures(workload, scorers, peaks, repeats)
            results.append(WorkloadResult(workload, tokens, figures))
        left_out.update((f"{name}, {workload.name}", why) for name, why in failures.items())
    windows = measure_windows(setting, long, taking_part, scorers, repeats=repeats, say=say)
    return Results(signature, left_out, results, windows, concurrent)


def _figures(
    workload: Workload, scorers: Mapping[str, ScoreFunction], peaks: Mapping[str, float | None], repeats: int
) -> tuple[dict[str, Figure], dict[str, str]]:
    """The figures, and why peers failed that have none."""
    failures: dict[str, str] = {}
    scores = _scores(workload, scorers, failures)
    times = time_in_turns(
        {name: scorers[name] for name in scores},
        workload.requests,
        repeats,
        around=lambda name: noting_failure(name, failures),
    )
    return _compare(times, scores, peaks), failures


def _cold_figures(
    workload: Workload,
    scorers: Mapping[str, ScoreFunction],
    contenders: Sequence[Contender],
    setting: Setting,
    repeats: int,
) -> tuple[dict[str, Figure], dict[str, str]]:
    """Of processes that start, load and score; those who would convert the checkpoint first do not compete."""
    check_count("repeats", repeats)
    failures: dict[str, str] = {}
    runs: dict[str, list[FreshRun]] = {contender.name: [] for contender in contenders if not contender.converts}
    for _ in range(repeats):
        for contender in contenders:
            if contender.name in runs:
                run = run_fresh(contender, setting, workload)
                if isinstance(run, str):
                    del runs[contender.name]  # it could be loaded, and a fresh process fails: there is nothing to time
                    failures[contender.name] = f"in a process of its own: {run}"
                else:
                    runs[contender.name].append(run)
    scores = _scores(workload, {name: scorers[name] for name in runs}, failures)
    times = {name: Times(tuple((run.seconds,) for run in runs[name])) for name in scores}
    peaks = {name: max((run.peak_mib or 0 for run in own), default=0) or None for name, own in runs.items()}
    return _compare(times, scores, peaks), failures


def _scores(
    workload: Workload, scorers: Mapping[str, ScoreFunction], failures: dict[str, str]
) -> dict[str, NDArray[np.float32]]:
    """Everyone's scores, which also warms them up; a peer that fails has none, and its reason is added."""
    scores = {}
    for name, score in scorers.items():
        with noting_failure(name, failures):
            scores[name] = scores_of(score, workload.requests)
    return scores


def _compare(
    times: Mapping[str, Times], scores: Mapping[str, NDArray[np.float32]], peaks: Mapping[str, float | None]
) -> dict[str, Figure]:
    """Each contender's figures, against the baseline's where that takes part."""
    base, base_scores = times.get(BASELINE), scores.get(BASELINE)
    return {
        name: Figure(
            own,
            None if base is None else own.times_faster_than(base),
            None if base_scores is None else largest_difference(scores[name], base_scores),
            peaks.get(name),
        )
        for name, own in times.items()
    }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
