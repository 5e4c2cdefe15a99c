"""The pictures of an evaluation, as PNG files."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from secondpass.evaluation.report import Report
from secondpass.extras import check_plots

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DPI = 120


def write_plots(folder: Path, reports: Sequence[Report]) -> list[Path]:
    """One picture a model, and with several models one that compares them.

    Args:
        folder: Where the files go; made if missing.
        reports: At least one, all of the same run.

    Returns:
        The files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for one, name in zip(reports, file_names([one.model for one in reports]), strict=True):
        figure = _figure(2, width=11)
        _queries(figure.axes[0], one)
        _depths(figure.axes[1], [one])
        written.append(_saved(figure, folder / f"{name}.png"))
    if len(reports) > 1:
        figure = _figure(1, width=7)
        _depths(figure.axes[0], reports)
        written.append(_saved(figure, folder / "comparison.png"))
    return written


def file_names(models: Sequence[str]) -> list[str]:
    """Models' names as files': their last two parts, or as many as tell them apart, without separators.

    Args:
        models: All of one evaluation; different ones.
    """
    parts = [[part for part in model.replace("\\", "/").split("/") if part not in ("", ".", "..")] for model in models]
    longest = max((len(one) for one in parts), default=0)
    for length in range(2, max(longest, 2) + 1):
        names = ["--".join(one[-length:]) or "model" for one in parts]
        if len(set(names)) == len(names):
            return names
    return [f"{name}-{place}" for place, name in enumerate(names, 1)]


def _figure(n_axes: int, width: float) -> "Figure":
    """A figure without pyplot: no global state, no window, no backend to choose."""
    check_plots("eval")
    from matplotlib.figure import Figure  # noqa: PLC0415 - of an extra

    figure = Figure(figsize=(width, 4.5), layout="constrained")
    figure.subplots(1, n_axes)
    return figure


def _saved(figure: "Figure", path: Path) -> Path:
    figure.savefig(path, dpi=_DPI)
    return path


def _queries(axes: "Axes", report: Report) -> None:
    """Each query's change, sorted: how many are helped and hurt, and how much."""
    measure = next(iter(report.comparisons))
    changes = sorted((after - before for before, after in report.per_query.values()), reverse=True)
    colours = ["tab:green" if change > 0 else "tab:red" for change in changes]
    axes.bar(range(len(changes)), changes, width=1.0, color=colours)
    one = report.comparisons[measure]
    axes.set(
        title=f"{one.helped} queries helped, {one.hurt} hurt, of {one.n_queries}",
        xlabel="query, by change",
        ylabel=f"change in {measure}",
    )


def _depths(axes: "Axes", reports: Sequence[Report]) -> None:
    """Quality against time, a point a depth."""
    measure, base = next(iter(reports[0].comparisons.items()))
    for report in reports:
        times = [point.ms_per_query for point in report.depths]
        values = [point.value for point in report.depths]
        axes.plot(times, values, marker="o", label=report.model)
        for point, time, value in zip(report.depths, times, values, strict=True):
            axes.annotate(str(point.depth), (time, value), textcoords="offset points", xytext=(4, 5), fontsize=8)
    axes.axhline(base.before, linestyle="--", color="grey", label="first stage")
    axes.set(title="how deep re-ranking pays", xlabel="ms a query (points: candidates re-ranked)", ylabel=measure)
    axes.legend(fontsize=8)
