"""What an evaluation's pictures say, and that all of it is inside of them."""

import os
import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from secondpass.evaluation import Comparison, DepthPoint, Report
from secondpass.evaluation.plots import draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure

pytest.importorskip("matplotlib")


def _report(model: str, before: float, values: tuple[float, ...], spread: float) -> Report:
    numbers = random.Random(1)  # noqa: S311 - made up
    per_query = {str(i): (0.5, 0.5 + numbers.gauss(0, spread)) for i in range(40)}
    points = tuple(
        DepthPoint(depth, value, 3.0 * depth, depth) for depth, value in zip((10, 20, 50, 100), values, strict=True)
    )
    return Report(
        model, 100, {"nDCG@10": Comparison(before, values[-1], 0.2, 20, 20, 40)}, points, 4000, 20.0, per_query
    )


FLAT = _report("org/flat", 0.430, (0.437, 0.436, 0.433, 0.430), 0.003)
STEEP = _report("/a/path/that/is/rather/long/to/some/checkpoint/of-mine", 0.43, (0.1, 0.3, 0.9, 1.0), 0.4)


def _drawn(figure: "Figure") -> "Figure":
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure).draw()  # type: ignore[no-untyped-call]  # matplotlib's own
    return figure


@pytest.mark.parametrize("reports", [[FLAT], [STEEP], [FLAT, STEEP]])
def test_everything_is_inside(reports: list[Report]) -> None:
    for figure in map(_drawn, draw(reports, collection="scifact").values()):
        whole = figure.bbox
        for axes in figure.axes:
            for label in axes.texts:
                box = label.get_window_extent()
                assert axes.bbox.containsx(box.x0)
                assert axes.bbox.containsx(box.x1)
                assert axes.bbox.containsy(box.y0)
                assert axes.bbox.containsy(box.y1)
            frame = axes.get_tightbbox()
            assert frame is not None
            assert whole.x0 <= frame.x0 + 1
            assert frame.x1 <= whole.x1 + 1
            assert whole.y0 <= frame.y0 + 1
            assert frame.y1 <= whole.y1 + 1


def test_titles_name_collection_model_and_measure() -> None:
    figures = draw([FLAT, STEEP], collection="scifact")
    assert set(figures) == {"org--flat.png", "checkpoint--of-mine.png", "comparison.png"}
    assert figures["org--flat.png"].get_suptitle() == "scifact: org/flat"
    assert figures["comparison.png"].get_suptitle() == "scifact: 2 models"
    assert figures["org--flat.png"].axes[1].get_title() == "nDCG@10 by depth of re-ranking"
    assert figures["org--flat.png"].axes[0].get_ylabel() == "change in nDCG@10"


@pytest.mark.parametrize("name", ["_mine", "$x$ {", r"a$\frac{$", os.fsdecode(b"caf\xe9")])
def test_any_name_is_drawn_and_in_the_legend(name: str) -> None:
    for figure in map(_drawn, draw([replace(FLAT, model=name), STEEP], collection=name).values()):
        assert figure.get_suptitle()
        entries = figure.axes[-1].get_legend_handles_labels()[1]
        assert len(entries) == len(figure.axes[-1].get_lines()), entries


def test_little_does_not_look_like_much() -> None:
    changes, depths = draw([FLAT], collection="scifact")["org--flat.png"].axes
    for axes in (changes, depths):
        bottom, top = axes.get_ylim()
        assert top - bottom > 0.2
    bottom, _ = depths.get_ylim()
    assert depths.get_ylabel() == f"nDCG@10 (axis from {bottom:.2f})"
    # Points in the middle: neither a collapse to the bottom nor a rise to the top.
    assert bottom < 0.35
    _, from_zero = draw([STEEP])["checkpoint--of-mine.png"].axes
    assert (from_zero.get_ylim()[0], from_zero.get_ylabel()) == (0, "nDCG@10")
