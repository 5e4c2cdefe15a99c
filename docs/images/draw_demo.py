"""Draws demo.svg from what the demo measured.

secondpass demo --json | python docs/images/draw_demo.py > docs/images/demo.svg
"""  # noqa: INP001 - a script beside its picture

import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from html import escape

Question = Mapping[str, object]

# Pixels: where the chart begins and ends, and the height of a row.
_LEFT, _RIGHT, _TOP, _ROW = 540, 940, 86, 30
_WIDTH = 990
# Ranks with a line of the grid; a logarithmic axis, because the first ranks matter most.
_GRID = (1, 3, 10, 30)
_BETTER, _WORSE, _BEFORE, _TEXT, _FAINT = "#15803d", "#b91c1c", "#9ca3af", "#111827", "#e5e7eb"


def draw(questions: Sequence[Question]) -> str:
    """One row per question, the largest gain first: where its answer stood before, and where it stands after."""
    rows = sorted((rank(q, "after") - rank(q, "before"), i, q) for i, q in enumerate(questions))
    bottom = _TOP + _ROW * len(rows)
    parts = [*_frame(bottom, questions)]
    for number, (_, _, question) in enumerate(rows):
        parts += _row(question, _TOP + _ROW * number + _ROW // 2)
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {bottom + 50}" '
        f'font-family="system-ui, sans-serif" font-size="14" role="img">\n{body}\n</svg>\n'
    )


def rank(question: Question, when: str) -> int:
    """The rank of the passage with the answer, 1 the best; the last line of the grid if it is nowhere."""
    value = question[when]
    return value if isinstance(value, int) else _GRID[-1]


def _frame(bottom: int, questions: Sequence[Question]) -> Iterator[str]:
    yield "<title>Rank of the passage with the answer, before and after the second pass</title>"
    yield f'<rect width="{_WIDTH}" height="{bottom + 50}" rx="8" fill="#ffffff" stroke="{_FAINT}"/>'
    yield _words(20, 32, "Where the passage with the answer stands", size=17, weight=600)
    yield f'<circle cx="26" cy="56" r="5" fill="#ffffff" stroke="{_BEFORE}" stroke-width="2"/>'
    yield _words(38, 61, "BM25")
    yield f'<circle cx="98" cy="56" r="6" fill="{_BETTER}"/>'
    yield _words(110, 61, "after the second pass")
    edge = _x(3) + 18
    yield f'<rect x="{_LEFT - 26}" y="{_TOP}" width="{edge - _LEFT + 26:.0f}" height="{bottom - _TOP}" fill="#f0fdf4"/>'
    for value in _GRID:
        yield f'<line x1="{_x(value):.0f}" x2="{_x(value):.0f}" y1="{_TOP}" y2="{bottom}" stroke="{_FAINT}"/>'
        label = f"rank {value}" if value == 1 else str(value)
        yield _words(_x(value), _TOP - 8, label, colour="#6b7280", anchor="middle")
    before, after = (sum(rank(q, when) <= 3 for q in questions) for when in ("before", "after"))  # noqa: PLR2004 - shaded
    total = f"Among the first three: {before} of {len(questions)} by BM25, {after} after the second pass."
    yield _words(20, bottom + 32, total, weight=600)


def _row(question: Question, y: int) -> Iterator[str]:
    before, after = rank(question, "before"), rank(question, "after")
    start, end = _x(before), _x(after)
    colour, outwards = (_WORSE, -1) if after > before else (_BETTER, 1)
    yield _words(20, y + 5, str(question["question"]))
    yield from _number(end, y, after, -outwards, colour)
    if before != after:
        yield f'<line x1="{start:.0f}" x2="{end:.0f}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="2"/>'
        yield f'<circle cx="{start:.0f}" cy="{y}" r="5" fill="#ffffff" stroke="{_BEFORE}" stroke-width="2"/>'
        yield from _number(start, y, before, outwards, "#6b7280")
    yield f'<circle cx="{end:.0f}" cy="{y}" r="6" fill="{colour}"/>'


def _number(x: float, y: int, value: int, side: int, colour: str) -> Iterator[str]:
    """A rank beside its dot, to the right (1) or to the left (-1)."""
    yield _words(x + 12 * side, y + 5, str(value), size=12, colour=colour, anchor="start" if side > 0 else "end")


def _x(value: int) -> float:
    return _LEFT + (_RIGHT - _LEFT) * math.log(value) / math.log(_GRID[-1])


def _words(
    x: float, y: float, text: str, *, size: int = 14, weight: int = 400, colour: str = _TEXT, anchor: str = "start"
) -> str:
    look = f'font-size="{size}" font-weight="{weight}" fill="{colour}" text-anchor="{anchor}"'
    return f'<text x="{x:.0f}" y="{y:.0f}" {look}>{escape(text)}</text>'


if __name__ == "__main__":
    sys.stdout.write(draw(json.load(sys.stdin)["questions"]))
