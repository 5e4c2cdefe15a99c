"""The pictures of an evaluation, as PNG files."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from secondpass.evaluation.file_names import file_names
from secondpass.evaluation.report import Report
from secondpass.extras import require_matplotlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Pixels per inch of the written files.
_DPI = 120


def write_plots(folder: Path, reports: Sequence[Report]) -> list[Path]:
    """Write one picture per model, and with several models one that compares them.

    Args:
        folder: Where the files go; created if missing.
        reports: At least one, all of the same run.

    Returns:
        The files written.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    figures: dict[Path, Figure] = {}
    for report, name in zip(reports, file_names([report.model for report in reports]), strict=True):
        figure = figures[folder / f"{name}.png"] = _figure(2, width=11)
        _draw_queries(figure.axes[0], report)
        _draw_depths(figure.axes[1], [report])
    if len(reports) > 1:
        figure = figures[folder / "comparison.png"] = _figure(1, width=7)
        _draw_depths(figure.axes[0], reports)
    for path, figure in figures.items():
        figure.savefig(path, dpi=_DPI)
    return list(figures)


def _figure(n_axes: int, width: float) -> "Figure":
    """A figure without pyplot: no global state, no window, no backend to choose."""
    require_matplotlib("eval")
    from matplotlib.figure import Figure  # noqa: PLC0415 - of an extra

    figure = Figure(figsize=(width, 4.5), layout="constrained")
    figure.subplots(1, n_axes)
    return figure


def _draw_queries(axes: "Axes", report: Report) -> None:
    """Each query's change, sorted: how many are helped and hurt, and how much."""
    measure = next(iter(report.comparisons))
    changes = sorted((after - before for before, after in report.per_query.values()), reverse=True)
    colours = ["tab:green" if change > 0 else "tab:red" for change in changes]
    axes.bar(range(len(changes)), changes, width=1.0, color=colours)
    comparison = report.comparisons[measure]
    axes.set(
        title=f"{comparison.helped} queries helped, {comparison.hurt} hurt, of {comparison.n_queries}",
        xlabel="query, by change",
        ylabel=f"change in {measure}",
    )


def _draw_depths(axes: "Axes", reports: Sequence[Report]) -> None:
    """Quality against time, one point per depth."""
    measure, comparison = next(iter(reports[0].comparisons.items()))
    for report in reports:
        times = [point.ms_per_query for point in report.depths]
        values = [point.value for point in report.depths]
        axes.plot(times, values, marker="o", label=report.model)
        for point, time, value in zip(report.depths, times, values, strict=True):
            axes.annotate(str(point.depth), (time, value), textcoords="offset points", xytext=(4, 5), fontsize=8)
    axes.axhline(comparison.before, linestyle="--", color="grey", label="first stage")
    axes.set(title="how deep re-ranking pays", xlabel="ms per query (points: candidates re-ranked)", ylabel=measure)
    axes.legend(fontsize=8)
