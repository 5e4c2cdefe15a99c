"""What `secondpass calibrate` shows: each method's figures, and thresholds with what they keep."""

from math import isinf
from pathlib import Path
from typing import get_args

from secondpass.calibration.maps import Method
from secondpass.calibration.quality import Quality
from secondpass.calibration.report import CalibrationReport
from secondpass.calibration.thresholds import Aim, Estimate, OutOfReach, Threshold
from secondpass.cli.sheets import Column, Kind, Row, Sheet
from secondpass.quantities import count

# Documents per query from which one decimal says enough.
_MANY = 10


def quality_table(title: str, report: CalibrationReport, judged: str, output: Path | None) -> Sheet:
    """How good probabilities are, before and after.

    Args:
        title: What it is of.
        report: The figures.
        judged: What became of unjudged pairs.
        output: Where the calibration went.
    """
    rows = [Row(("sigmoid(logit), before", *_figures(report.before)))]
    for method in get_args(Method):
        is_chosen = method == report.calibration.method
        figures = report.methods.get(method)
        cells = ("-", "-", "-") if figures is None else _figures(figures)
        name = f"{method}, held out{' *' if is_chosen else ''}"
        rows.append(Row((name, *cells), style="bold" if is_chosen else ""))
    calibration = report.calibration
    caption = (
        f"{count(calibration.n_queries, 'query', 'queries')}, {calibration.n_pairs:,} pairs, {report.n_relevant:,} of "
        f"them relevant (base rate {calibration.base_rate:.1%})"
    )
    missing = "-: these logits do not allow it" if len(report.methods) < len(get_args(Method)) else ""
    saved = f"* in {output}" if output is not None else "* chosen; --output keeps it"
    columns = (Column("probability by", Kind.NAME), *map(Column, ("ECE", "Brier", "log loss")))
    return Sheet(title, columns, rows, "\n".join(line for line in (saved, missing, caption, judged) if line))


def threshold_tables(report: CalibrationReport) -> list[Sheet]:
    """Thresholds for wanted precisions, and for wanted recalls."""
    return [_threshold_table(report, "precision"), _threshold_table(report, "recall")]


def _threshold_table(report: CalibrationReport, aim: Aim) -> Sheet:
    found = [threshold for threshold in report.thresholds if threshold.wanted.aim == aim]
    rows = [Row(_cells(threshold)) for threshold in found]
    other = "recall" if aim == "precision" else "precision"
    columns = tuple(map(Column, (aim, "threshold", other, "kept per query", "queries without")))
    unreached = [threshold for threshold in found if isinstance(threshold, OutOfReach)]
    caption = "in brackets: where 95 of 100 samples of the queries lie; queries without: those that keep nothing"
    if any(isinstance(threshold, Threshold) and isinf(threshold.threshold.high) for threshold in found):
        caption += "\nnone: out of reach in that many samples"
    if unreached:
        caption += (
            f"\n{aim} {unreached[0].wanted.value:g} is out of reach, at most {unreached[0].highest:.2g} is reached"
        )
    return Sheet(f"thresholds for a {aim}", columns, rows, caption)


def _cells(found: Threshold | OutOfReach) -> tuple[str, ...]:
    wanted = f"{found.wanted.value:g}"
    if isinstance(found, OutOfReach):
        return (wanted, *["-"] * 4)
    digits = ".1f" if found.kept.value >= _MANY else ".2f"
    own, other = (found.precision, found.recall) if found.wanted.aim == "precision" else (found.recall, found.precision)
    return (
        f"{wanted} {_interval(own, '.2f')}",
        f"{found.threshold.value:g} {_interval(found.threshold, '#.2g')}",
        f"{other.value:.2f} {_interval(other, '.2f')}",
        f"{found.kept.value:{digits}} {_interval(found.kept, digits)}",
        f"{found.n_empty.value:.0f} {_interval(found.n_empty, '.0f')}",
    )


def _interval(estimate: Estimate, digits: str) -> str:
    ends = [f"{end:{digits}}" if not isinf(end) else "none" for end in (estimate.low, estimate.high)]
    return f"({ends[0]}–{ends[1]})"  # noqa: RUF001 - a range


def _figures(quality: Quality) -> tuple[str, ...]:
    return f"{quality.ece:.4f}", f"{quality.brier:.4f}", f"{quality.log_loss:.4f}"
