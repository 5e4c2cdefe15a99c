"""Pictures of a benchmark: docs/s by contender, against length, and against the number of pairs."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from secondpass.bench.contenders import OURS
from secondpass.bench.measure import Results, WorkloadResult
from secondpass.extras import require_matplotlib

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Colours of our contenders and of the others.
_OURS, _THEIRS = "#1f6f8b", "#b0b7bd"


def write_plots(folder: Path, results: Results) -> list[Path]:
    """Write docs_per_second.png, and length.png and scaling.png where there is something to compare.

    Returns:
        The files written.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    require_matplotlib("bench")
    signature = results.signature
    caption = f"{signature['model']} - {signature['cpu'] if signature['gpu'] is None else signature['gpu']}"
    caption += f", threads: {signature['threads']}"
    bars = [result for result in results.workloads if not _is_named(result, "length-", "scaling-")]
    scales = [result for result in results.workloads if _is_named(result, "scaling-")]
    by_length = sorted(
        (result for result in results.workloads if _is_named(result, "length-", "passages", "chunks", "long")),
        key=lambda result: result.tokens["mean"],
    )
    pictures: dict[str, Figure] = {}
    if bars:
        pictures["docs_per_second.png"] = _bars(bars, caption)
    if len(by_length) > 1:
        pictures["length.png"] = _lines(
            by_length, [result.tokens["mean"] for result in by_length], "tokens per pair, mean", caption
        )
    if len(scales) > 1:
        pictures["scaling.png"] = _lines(scales, [len(result.workload.pairs) for result in scales], "pairs", caption)
    for name, picture in pictures.items():
        picture.savefig(folder / name, dpi=150, bbox_inches="tight")
    return [folder / name for name in pictures]


def _is_named(result: WorkloadResult, *beginnings: str) -> bool:
    return result.workload.name.startswith(beginnings)


def _bars(results: Sequence[WorkloadResult], caption: str) -> "Figure":
    from matplotlib.figure import Figure

    n_bars = max(len(result.figures) for result in results)
    picture = Figure(figsize=(9, len(results) * (1 + 0.32 * n_bars)))
    picture.suptitle(caption)
    for row, result in enumerate(results, 1):
        axes = picture.add_subplot(len(results), 1, row)
        names = list(result.figures)[::-1]
        n_pairs = len(result.workload.pairs)
        speeds = [result.figures[name].times.per_second(n_pairs) for name in names]
        bars = axes.barh(names, speeds, color=[_OURS if name.startswith(OURS) else _THEIRS for name in names])
        ratios = [result.figures[name].ratio for name in names]
        labels = [
            f" {speed:.0f}" if ratio is None else f" {speed:.0f} ({ratio:.2f}x)"
            for speed, ratio in zip(speeds, ratios, strict=True)
        ]
        axes.bar_label(bars, labels)
        axes.margins(x=0.2)
        axes.set_title(f"{result.workload.name}, {result.tokens['mean']:.0f} tokens per pair", loc="left", fontsize=10)
        axes.set_xlabel("docs/s")
    picture.tight_layout()
    return picture


def _lines(results: Sequence[WorkloadResult], positions: Sequence[float], label: str, caption: str) -> "Figure":
    from matplotlib.figure import Figure

    picture = Figure(figsize=(8, 5))
    axes = picture.add_subplot()
    for name in results[0].figures:
        speeds = [result.figures[name].times.per_second(len(result.workload.pairs)) for result in results]
        axes.plot(positions, speeds, marker="o", linestyle="-" if name.startswith(OURS) else "--", label=name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel(label)
    axes.set_ylabel("docs/s")
    axes.set_title(caption, fontsize=10)
    axes.grid(visible=True, which="both", alpha=0.3)
    axes.legend(fontsize=8)
    return picture
