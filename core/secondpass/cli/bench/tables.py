"""The tables of `secondpass bench`: each contender's speed, and what it is worth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from secondpass.cli.sheets import Column, Kind, Row, Sheet
from secondpass.quantities import count

if TYPE_CHECKING:
    from secondpass.bench import Workload
    from secondpass.bench.concurrent import ConcurrentResult
    from secondpass.bench.measure import WorkloadResult
    from secondpass.bench.windows import WindowCost


@dataclass(frozen=True, slots=True)
class _Measured:
    """A contender's row.

    Args:
        speed: Documents per second.
        ratio: Its speed against the baseline's; None: there is no baseline.
        others: The cells that follow.
    """

    speed: float
    ratio: float | None
    others: tuple[str, ...]


def result_table(result: "WorkloadResult") -> Sheet:
    """One row per contender; the fastest stands out."""
    n_pairs, tokens = len(result.workload.pairs), result.tokens
    rows = {
        name: _Measured(
            figure.times.per_second(n_pairs),
            figure.ratio,
            (
                f"{figure.times.milliseconds(50):.1f}",
                f"{figure.times.milliseconds(95):.1f}",
                "-" if figure.difference is None else f"{figure.difference:.1e}",
                "-" if figure.peak_mib is None else f"{figure.peak_mib:.0f}",
            ),
        )
        for name, figure in result.figures.items()
    }
    return Sheet(
        _title(result.workload),
        _columns("p50 ms", "p95 ms", "score differs", "peak MiB"),
        _rows(rows),
        f"{result.workload.source}; tokens per pair: mean {tokens['mean']:.0f}, p50 {tokens['p50']:.0f}, "
        f"p95 {tokens['p95']:.0f}",
    )


def concurrent_table(result: "ConcurrentResult") -> Sheet:
    """One row per contender; the fastest stands out."""
    n_pairs = len(result.workload.pairs)
    rows = {
        name: _Measured(
            figure.callers.per_second(n_pairs),
            figure.ratio,
            (
                f"{figure.one_call.per_second(n_pairs):.1f}",
                f"{figure.of_one_call:.2f}",
                f"{figure.calls.milliseconds(50):.0f}",
                f"{figure.calls.milliseconds(95):.0f}",
                f"{figure.fair_milliseconds(n_pairs, result.n_callers):.0f}",
            ),
        )
        for name, figure in result.figures.items()
    }
    return Sheet(
        f"{_title(result.workload)}, {result.n_callers} threads",
        _columns("docs/s in one call", "of one call", "p50 ms", "p95 ms", "fair ms"),
        _rows(rows),
        f"{result.workload.source}; tokens per pair: mean {result.tokens['mean']:.0f}; "
        "fair: a call's time with an equal share of one call's speed",
    )


def windows_table(costs: "Sequence[WindowCost]") -> Sheet:
    """One row per documents and contender."""
    rows = [
        Row(
            (
                f"{cost.contender}, {cost.workload}",
                str(cost.n_documents),
                str(cost.n_windows),
                str(cost.n_tokens),
                f"{cost.windows.per_second(cost.n_tokens):.0f}",
                f"{cost.pairs.per_second(cost.n_tokens):.0f}",
                f"{cost.ratio:.2f}",
                f"{cost.difference:.1e}",
            )
        )
        for cost in costs
    ]
    figures = ("documents", "windows", "tokens", "tokens/s", "tokens/s as pairs", "ratio", "score differs")
    return Sheet(
        "long documents, all of each read in windows",
        (Column("contender", Kind.NAME), *map(Column, figures)),
        rows,
        "as pairs: the windows' texts, given one by one; both ways read the same tokens",
    )


def _title(workload: "Workload") -> str:
    pairs, calls = count(len(workload.pairs), "pair"), count(len(workload.requests), "call")
    return f"{workload.name}: {pairs} in {calls}"


def _columns(*others: str) -> tuple[Column, ...]:
    return (Column("contender", Kind.NAME), *map(Column, ("docs/s", "ratio", *others)))


def _rows(measured: Mapping[str, _Measured]) -> list[Row]:
    """The contenders by name, of which the fastest stands out."""
    best = max((row.speed for row in measured.values()), default=0.0)
    return [
        Row(
            (name, f"{row.speed:.1f}", "-" if row.ratio is None else f"{row.ratio:.2f}", *row.others),
            style="bold green" if row.speed == best else "",
        )
        for name, row in measured.items()
    ]
