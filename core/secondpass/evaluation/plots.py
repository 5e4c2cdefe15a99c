"""The pictures of an evaluation, as PNG files."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from secondpass.evaluation.file_names import file_names
from secondpass.evaluation.report import Report
from secondpass.pictures import LEGEND_BELOW, empty_figure, legend_entry, write_picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The least that an axis spans, as a share of a measure's range: a smaller one makes noise look like a collapse.
_LEAST_SPAN = 0.2
# Room at the ends of an axis, as a share of it, so that labels stay inside of the frame.
_ROOM = 0.12
# Characters of a model's name in a legend.
_LEGEND = 45


def write_plots(folder: Path, reports: Sequence[Report], *, collection: str = "") -> list[Path]:
    """Write one picture per model, and with several models one that compares them.

    Args:
        folder: Where the files go; created if missing.
        reports: At least one, all of the same run.
        collection: What titles call the collection.

    Returns:
        The files written.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    figures = draw(reports, collection=collection)
    for name, figure in figures.items():
        write_picture(figure, folder / name)
    return [folder / name for name in figures]


def draw(reports: Sequence[Report], *, collection: str = "") -> "Mapping[str, Figure]":
    """The pictures by the names of their files; see `write_plots`."""
    figures: dict[str, Figure] = {}
    of_collection = f"{collection}: " if collection else ""
    for report, name in zip(reports, file_names([report.model for report in reports]), strict=True):
        figure = figures[f"{name}.png"] = _figure(2, 11, f"{of_collection}{report.model}")
        _draw_queries(figure.axes[0], report)
        _draw_depths(figure.axes[1], [report])
    if len(reports) > 1:
        figure = figures["comparison.png"] = _figure(1, 7, f"{of_collection}{len(reports)} models")
        _draw_depths(figure.axes[0], reports)
    return figures


def _figure(n_axes: int, width: float, title: str) -> "Figure":
    figure = empty_figure(title, (width, 4.8), extra="eval")
    figure.subplots(1, n_axes)
    return figure


def _draw_queries(axes: "Axes", report: Report) -> None:
    """Each query's change, sorted: how many are helped and hurt, and how much."""
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 - of an extra

    measure = next(iter(report.comparisons))
    changes = sorted((after - before for before, after in report.per_query.values()), reverse=True)
    colours = ["tab:green" if change > 0 else "tab:red" for change in changes]
    axes.bar(range(len(changes)), changes, width=1.0, color=colours)
    axes.axhline(0, color="black", linewidth=0.8)
    comparison = report.comparisons[measure]
    axes.set(
        title=f"{comparison.helped} queries helped, {comparison.hurt} hurt, of {comparison.n_queries}",
        xlabel="queries, by change",
        ylabel=f"change in {measure}",
        ylim=_limits([0.0, *changes], lowest=None),
    )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _draw_depths(axes: "Axes", reports: Sequence[Report]) -> None:
    """Quality against time, one point per depth."""
    measure, comparison = next(iter(reports[0].comparisons.items()))
    middle = fmean(point.value for report in reports for point in report.depths)
    for report in reports:
        # The better models' labels above their lines, the others' below: those of close points stay apart.
        is_above = fmean(point.value for point in report.depths) >= middle
        times = [point.ms_per_query for point in report.depths]
        values = [point.value for point in report.depths]
        (line,) = axes.plot(times, values, marker="o", label=legend_entry(_shortened(report.model)))
        for point, time, value in zip(report.depths, times, values, strict=True):
            axes.annotate(
                f"{point.candidates:.0f}",
                (time, value),
                textcoords="offset points",
                xytext=(0, 5 if is_above else -5),
                ha="center",
                va="bottom" if is_above else "top",
                fontsize=8,
                color=line.get_color(),
            )
    axes.axhline(comparison.before, linestyle="--", color="grey", label="first stage")
    bottom, top = _limits([comparison.before, *(p.value for report in reports for p in report.depths)], lowest=0.0)
    axes.set(
        title=f"{measure} by depth of re-ranking",
        xlabel="ms per query (at each point: candidates re-ranked)",
        ylabel=measure if bottom == 0 else f"{measure} (axis from {bottom:.2f})",
        xlim=(0, (1 + _ROOM) * max([point.ms_per_query for report in reports for point in report.depths]) or 1),
        ylim=(bottom, top),
    )
    axes.legend(**LEGEND_BELOW, ncols=2)


def _limits(values: Iterable[float], lowest: float | None) -> tuple[float, float]:
    """The ends of an axis around values, with room for labels and never so close that little looks like much.

    Args:
        values: Of a measure, most of which are from 0 to 1.
        lowest: Where a measure begins; None for changes of one.
    """
    values = list(values)
    smallest, largest = min(values), max(values)
    span = max(largest - smallest, _LEAST_SPAN * max(1.0, abs(largest)))
    middle = (smallest + largest) / 2
    bottom, top = middle - span * (0.5 + _ROOM), middle + span * (0.5 + _ROOM)
    if lowest is not None and bottom < lowest:
        bottom, top = lowest, top + lowest - bottom
    return bottom, top


def _shortened(model: str) -> str:
    """A model's name as a legend has room for it: the end tells models apart."""
    return model if len(model) <= _LEGEND else "…" + model[1 - _LEGEND :]
