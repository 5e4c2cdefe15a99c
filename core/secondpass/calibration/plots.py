"""The pictures of a calibration, as PNG files."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from secondpass.calibration.quality import Bin, Quality
from secondpass.calibration.report import CalibrationReport
from secondpass.pictures import LEGEND_BELOW, empty_figure, write_picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Inches of the whole.
_SIZE = (11, 4.8)
_N_HISTOGRAM_BINS = 40
# Logits at which the curve is drawn.
_N_POINTS = 400


def write_plot(path: Path, report: CalibrationReport, *, title: str = "") -> None:
    """Write a picture: the reliability diagram, and the logits of relevant and other pairs below the curve.

    Args:
        path: The PNG file, in a folder that is there.
        report: What is drawn.
        title: What it is of.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    write_picture(draw(report, title=title), path)


def draw(report: CalibrationReport, *, title: str = "") -> "Figure":
    """The picture; see `write_plot`."""
    figure = empty_figure(title, _SIZE, extra="calibrate")
    reliability, logits = figure.subplots(1, 2)
    _draw_reliability(reliability, report)
    _draw_logits(logits, report)
    return figure


def _draw_reliability(axes: "Axes", report: CalibrationReport) -> None:
    """What is predicted against what is true, bin by bin."""
    axes.plot([0, 1], [0, 1], color="black", linewidth=0.8, linestyle="--")
    _draw_bins(axes, report.reliability_before, "sigmoid(logit)", report.before, "tab:grey", "s")
    after = report.methods.get(report.calibration.method)
    if after is not None:
        _draw_bins(axes, report.reliability_after, f"{report.calibration.method}, held out", after, "tab:blue", "o")
    axes.set(
        title="reliability, in bins of equal size",
        xlabel="mean probability of a bin",
        ylabel="share of it that is relevant",
        xlim=(-0.02, 1.02),
        ylim=(-0.02, 1.02),
    )
    axes.legend(**LEGEND_BELOW, ncols=3)


def _draw_bins(axes: "Axes", bins: Sequence[Bin], name: str, figures: Quality, colour: str, marker: str) -> None:
    axes.plot(
        [b.probability for b in bins],
        [b.share for b in bins],
        color=colour,
        marker=marker,
        markersize=5,
        label=f"{name}: ECE {figures.ece:.3f}",
        clip_on=False,
    )


def _draw_logits(axes: "Axes", report: CalibrationReport) -> None:
    """Where the logits of relevant and other pairs lie, and what probability each of them gets."""
    lowest, highest = float(report.logits.min()), float(report.logits.max())
    edges = np.linspace(lowest, highest if highest > lowest else lowest + 1, _N_HISTOGRAM_BINS + 1)
    for is_relevant, name, colour in ((False, "other pairs", "tab:orange"), (True, "relevant pairs", "tab:green")):
        some = report.logits[report.relevant == is_relevant]
        # Each kind's own share: a few relevant pairs would not be seen beside all others.
        axes.hist(
            some, bins=edges.tolist(), weights=np.full(len(some), 1 / len(some)), color=colour, alpha=0.5,
            label=f"{len(some):,} {name}",
        )  # fmt: skip
    axes.set(title="logits, and what becomes of them", xlabel="logit", ylabel="share of the pairs of each kind")
    curve = axes.twinx()
    points = np.linspace(edges[0], edges[-1], _N_POINTS)
    (line,) = curve.plot(points, report.calibration.probabilities(points), color="tab:blue")
    curve.set(ylabel="probability", ylim=(0, 1.02))
    handles, names = axes.get_legend_handles_labels()
    axes.legend([*handles, line], [*names, f"probability by {report.calibration.method}"], **LEGEND_BELOW, ncols=3)
