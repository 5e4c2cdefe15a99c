"""Pictures of a benchmark: docs/s by contender, against length, and against the number of pairs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from secondpass.bench.contenders import is_ours
from secondpass.bench.measure import Results, WorkloadResult
from secondpass.extras import require_matplotlib
from secondpass.pictures import LEGEND_BELOW, empty_figure, legend_entry, write_picture

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

# Colours of our contenders and of the others.
_OURS, _THEIRS = "#1f6f8b", "#b0b7bd"
# What a logarithmic axis spans at least, as a ratio: on a narrower one, noise looks like a trend.
_LEAST_RATIO = 10
# Room at the ends of such an axis.
_ROOM = 1.3


def write_plots(folder: Path, results: Results) -> list[Path]:
    """Write docs_per_second.png, and length.png and scaling.png where there is something to compare.

    Returns:
        The files written.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    pictures = draw(results)
    for name, picture in pictures.items():
        write_picture(picture, folder / name)
    return [folder / name for name in pictures]


def draw(results: Results) -> "Mapping[str, Figure]":
    """The pictures by the names of their files; see `write_plots`."""
    require_matplotlib("bench")
    signature = results.signature
    caption = f"{signature['model']} on {signature['cpu'] if signature['gpu'] is None else signature['gpu']}"
    caption += f", threads: {signature['threads']}"
    workloads = [result for result in results.workloads if result.figures]
    bars = [result for result in workloads if not _is_named(result, "length-", "scaling-")]
    scales = [result for result in workloads if _is_named(result, "scaling-")]
    by_length = sorted(
        (result for result in workloads if _is_named(result, "length-", "passages", "chunks", "long")),
        key=lambda result: result.tokens["mean"],
    )
    pictures: dict[str, Figure] = {}
    if bars:
        pictures["docs_per_second.png"] = _bars(bars, caption)
    if len(by_length) > 1:
        pictures["length.png"] = _lines(
            by_length,
            [result.tokens["mean"] for result in by_length],
            f"docs/s by length of a pair: {caption}",
            "tokens per pair, mean",
        )
    if len(scales) > 1:
        pictures["scaling.png"] = _lines(
            scales,
            [len(result.workload.pairs) for result in scales],
            f"docs/s by number of pairs: {caption}",
            "pairs in one call",
        )
    return pictures


def _is_named(result: WorkloadResult, *beginnings: str) -> bool:
    return result.workload.name.startswith(beginnings)


def _bars(results: Sequence[WorkloadResult], caption: str) -> "Figure":
    n_bars = max(len(result.figures) for result in results)
    size = (9, 0.6 + len(results) * (1 + 0.32 * n_bars))
    picture = empty_figure(f"docs/s: {caption}", size, extra="bench")
    for row, result in enumerate(results, 1):
        axes = picture.add_subplot(len(results), 1, row)
        names = list(result.figures)[::-1]
        n_pairs = len(result.workload.pairs)
        speeds = [result.figures[name].times.per_second(n_pairs) for name in names]
        bars = axes.barh(names, speeds, color=[_OURS if is_ours(name) else _THEIRS for name in names])
        ratios = [result.figures[name].ratio for name in names]
        labels = [
            f" {speed:.{0 if speed >= 10 else 1}f}" + ("" if ratio is None else f" ({ratio:.2f}x)")  # noqa: PLR2004 - two digits
            for speed, ratio in zip(speeds, ratios, strict=True)
        ]
        axes.bar_label(bars, labels)
        axes.set_xlim(0, 1.25 * max(speeds))
        axes.set_title(f"{result.workload.name}, {result.tokens['mean']:.0f} tokens per pair", loc="left", fontsize=10)
        axes.set_xlabel("docs/s (x: against sentence-transformers in float32)")
    return picture


def _lines(results: Sequence[WorkloadResult], positions: Sequence[float], title: str, label: str) -> "Figure":
    """Speed of each contender against something of the workloads, both on logarithmic axes."""
    picture = empty_figure(title, (8, 5), extra="bench")
    axes = picture.add_subplot()
    speeds: dict[str, dict[float, float]] = {}
    for position, result in zip(positions, results, strict=True):
        for name, figure in result.figures.items():  # a peer that failed at a workload has a point less
            speeds.setdefault(name, {})[position] = figure.times.per_second(len(result.workload.pairs))
    for name, points in speeds.items():
        style = "-" if is_ours(name) else "--"
        axes.plot(list(points), list(points.values()), marker="o", linestyle=style, label=legend_entry(name))
    axes.set(xscale="log", yscale="log", xlabel=label, ylabel="docs/s")
    axes.set_xlim(_limits(positions))
    axes.set_ylim(_limits([speed for points in speeds.values() for speed in points.values()]))
    _label_plainly(axes.xaxis)
    _label_plainly(axes.yaxis)
    axes.grid(visible=True, alpha=0.3)
    axes.legend(**LEGEND_BELOW, ncols=2)
    return picture


def _limits(values: Sequence[float]) -> tuple[float, float]:
    """The ends of a logarithmic axis around positive values."""
    smallest, largest = min(values), max(values)
    widened = max(1.0, _LEAST_RATIO / (largest / smallest)) ** 0.5
    return smallest / widened / _ROOM, largest * widened * _ROOM


def _label_plainly(axis: "Axis") -> None:
    """Ticks at 1, 2 and 5 of each decade, as plain numbers: 200 and 1,000, not powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axis.set_minor_locator(NullLocator())
