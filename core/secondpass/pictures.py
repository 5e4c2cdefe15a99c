"""What all pictures have in common: figures of matplotlib, the names on them, and how they are written."""

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from secondpass.extras import require_matplotlib
from secondpass.files.printable import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Pixels per inch of the files, and characters of a title's line per inch of a figure's width.
_DPI, _PER_INCH = 120, 8
# A legend below the frame, for `Axes.legend`: inside, it hides points where lines are many.
LEGEND_BELOW: Final[Mapping[str, Any]] = {
    "fontsize": 8, "loc": "upper center", "bbox_to_anchor": (0.5, -0.14), "frameon": False,
}  # fmt: skip


def empty_figure(title: str, size: tuple[float, float], *, extra: str) -> "Figure":
    """A figure without pyplot: no global state, no window, no backend to choose.

    Args:
        title: What it is of, in whatever characters; may be empty.
        size: Its width and height, in inches.
        extra: The extra of this distribution that installs matplotlib for it.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    require_matplotlib(extra)
    from matplotlib.figure import Figure  # noqa: PLC0415 - of an extra

    figure = Figure(figsize=size, layout="constrained")
    if title:
        lines = textwrap.wrap(printable(title), int(_PER_INCH * size[0]))
        figure.suptitle("\n".join(lines), parse_math=False)
    return figure


def write_picture(figure: "Figure", path: Path, *, software: str | None = None) -> None:
    """Write a figure as a PNG file, in a folder that is there.

    Args:
        figure: What is written.
        path: The file.
        software: What the file says it was made with; None: matplotlib.
    """
    figure.savefig(path, dpi=_DPI, metadata={} if software is None else {"Software": software})


def legend_entry(name: str) -> str:
    """A name as matplotlib's legends show it: no mathematics between dollars, no hidden entry."""
    text = printable(name).replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text
