"""How a long document becomes overlapping windows: which of its boundaries each begins and ends at."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from secondpass.tokenization.boundaries import Boundaries, Boundary, find_boundaries
from secondpass.tokenization.text_tokenizer import Offsets

MeasuredT = TypeVar("MeasuredT")


@dataclass(frozen=True, slots=True)
class Span:
    """Characters of a document.

    Args:
        start: The first, from 0.
        end: One behind the last.
    """

    start: int
    end: int


def split_to_fit(
    document: str,
    tokens: Offsets,
    room: int,
    overlap: int,
    measure: Callable[[Sequence[Span]], tuple[NDArray[np.int64], MeasuredT]],
) -> tuple[list[Span], MeasuredT]:
    """Windows that hold every character of a document but white space around words, in order.

    A window holds as many tokens as there is room for. It ends earlier where a paragraph or a sentence ends soon
    before, else at the end of a word, and within a word only where there is no other way. The next one starts as far
    before that end as windows overlap, or nearer where a paragraph or a sentence starts. The last one starts as early
    as it can. All become smaller where one of them has too many tokens when it is tokenized alone.

    Args:
        document: Not blank.
        tokens: Where its tokens stand.
        room: Tokens of a window, at least 1. Where a single character has more, every character becomes a window.
        overlap: Tokens that neighbouring windows share at most; never more than half of the room.
        measure: How many tokens each window has too many, shape (n_windows,), and whatever else is wanted of them.

    Returns:
        The windows, and what was wanted of them.
    """
    boundaries = find_boundaries(document, tokens)
    while True:
        places = _places(boundaries, room, min(overlap, room // 2))
        spans = [Span(int(boundaries.starts[first]), int(boundaries.ends[end])) for first, end in places]
        excess, measured = measure(spans)
        most = int(excess.max())
        if most < 1:
            return spans, measured
        room = max(room - most, 0)
        if room == 0:
            spans = [Span(i, i + 1) for i, character in enumerate(document) if not character.isspace()]
            return spans, measure(spans)[1]


def _places(boundaries: Boundaries, room: int, overlap: int) -> list[tuple[int, int]]:
    """The windows' first and last boundaries, by their number."""
    n_before, last = boundaries.n_before, len(boundaries.ends) - 1
    windows: list[tuple[int, int]] = []
    first = end = 0
    while n_before[last] - n_before[first] > room and first < last - 1:
        end = _end(boundaries, first, end, room)
        windows.append((first, end))
        first = _next_start(boundaries, first, end, room, overlap)
    if windows:
        first = max(windows[-1][0] + 1, _last_start(boundaries, first, room))
    return [*windows, (first, last)]


def _end(boundaries: Boundaries, first: int, before: int, room: int) -> int:
    """Where the window that starts at `first` ends: behind the end of the one before it."""
    n_before, kinds = boundaries.n_before, boundaries.kinds
    most = n_before[first] + room
    furthest = int(np.searchsorted(n_before, most, side="right")) - 1
    if furthest <= before:  # too many tokens even so
        return before + 1
    # How far before the furthest place a better one is looked for, in shares of the room.
    for kind, share in (
        (Boundary.PARAGRAPH, 8),
        (Boundary.SENTENCE, 4),
        (Boundary.WORD, 2),
        (Boundary.TOKEN, 1),
    ):
        nearest = max(int(np.searchsorted(n_before, most - room // share)), before + 1)
        found = np.flatnonzero(kinds[nearest : furthest + 1] >= kind)
        if len(found):
            return nearest + int(found[-1])
    return furthest


def _next_start(boundaries: Boundaries, first: int, end: int, room: int, overlap: int) -> int:
    """Where the window behind the one from `first` to `end` starts: so late that it can end behind that one's end."""
    n_before, kinds = boundaries.n_before, boundaries.kinds
    least = max(n_before[end] - overlap, n_before[min(end + 1, len(n_before) - 1)] - room)
    earliest = min(max(int(np.searchsorted(n_before, least)), first + 1), end)
    latest = int(np.searchsorted(n_before, n_before[end] - overlap // 2, side="right")) - 1
    for kind in (Boundary.PARAGRAPH, Boundary.SENTENCE, Boundary.WORD, Boundary.TOKEN):
        found = np.flatnonzero(kinds[earliest : min(latest, end) + 1] >= kind)
        if len(found):
            return earliest + int(found[0])
    return earliest


def _last_start(boundaries: Boundaries, latest: int, room: int) -> int:
    """Where the last window starts: as early as it can, `latest` at the latest; at a word if one starts soon after."""
    n_before, kinds = boundaries.n_before, boundaries.kinds
    full = n_before[-1] - room
    earliest = min(int(np.searchsorted(n_before, full)), latest)
    soon = min(int(np.searchsorted(n_before, full + room // 8, side="right")) - 1, latest)
    for kind in (Boundary.WORD, Boundary.TOKEN):
        found = np.flatnonzero(kinds[earliest : soon + 1] >= kind)
        if len(found):
            return earliest + int(found[0])
    return earliest
