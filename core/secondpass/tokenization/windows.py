"""How a long document becomes overlapping windows: which of its boundaries each begins and ends at."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from secondpass.tokenization.boundaries import Boundaries, Boundary, find_boundaries
from secondpass.tokenization.text_tokenizer import TextTokenizer

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """Where windows had better end and start.

    Args:
        ends: How far before the furthest place a better end is looked for, as shares of the room; the best kind first.
        starts_shared: The least share of the overlap that is kept for the sake of a better start, 0 to 1.
        last_starts: How far behind the earliest place a better start of the last window is looked for, as `ends`.
    """

    ends: tuple[tuple[Boundary, float], ...]
    starts_shared: float
    last_starts: tuple[tuple[Boundary, float], ...]


# Whatever moves a window, here or in `boundaries.py`, changes scores that caches keep: `_WINDOW_RULES` of `options.py`
# then needs another number.
# Nearly full, as each costs a forward pass; half empty only for a word's sake.
WINDOWS = Preferences(
    ends=(
        (Boundary.PARAGRAPH, 1 / 8),
        (Boundary.SENTENCE, 1 / 4),
        (Boundary.WORD, 1 / 2),
        (Boundary.TOKEN, 1),
    ),
    starts_shared=1 / 2,
    last_starts=((Boundary.WORD, 1 / 8), (Boundary.TOKEN, 1 / 8)),
)
# Whole sentences, as they are to be read.
PASSAGES = Preferences(
    ends=((Boundary.SENTENCE, 1 / 2), (Boundary.WORD, 1 / 2), (Boundary.TOKEN, 1)),
    starts_shared=0,
    last_starts=((Boundary.SENTENCE, 1 / 2), (Boundary.WORD, 1 / 8), (Boundary.TOKEN, 1 / 8)),
)


def split_to_fit(
    document: str,
    tokenize: TextTokenizer,
    room: int,
    overlap: int,
    measure: Callable[[Sequence[Span]], tuple[NDArray[np.int64], MeasuredT]],
    prefer: Preferences = WINDOWS,
) -> tuple[list[Span], MeasuredT]:
    """Windows that hold every character of a document but white space around words, in order.

    A window holds as many tokens as there is room for, or fewer where a better place to end is near. The next one
    starts as far before that end as windows overlap, or nearer where a better place to start is. The last one starts
    as early as it can. All become smaller where one of them has too many tokens when it is tokenized alone.

    Args:
        document: Not blank.
        tokenize: Texts to tokens.
        room: Tokens of a window, at least 1. Where a single character has more, every character becomes a window.
        overlap: Tokens that neighbouring windows share at most; never more than half of the room.
        measure: How many tokens each window has too many, shape (n_windows,), and whatever else is wanted of them.
        prefer: Where they had better end and start.

    Returns:
        The windows, and what was wanted of them.
    """
    # Words that are small beside a window need not be split.
    boundaries = find_boundaries(document, tokenize.locate_words(document, room // 16))
    while True:
        places = _places(boundaries, room, min(overlap, room // 2), prefer)
        spans = [Span(int(boundaries.starts[first]), int(boundaries.ends[end])) for first, end in places]
        excess, measured = measure(spans)
        most = int(excess.max())
        if most < 1:
            return spans, measured
        room = max(room - most, 0)
        if room == 0:
            spans = [Span(i, i + 1) for i, character in enumerate(document) if not character.isspace()]
            return spans, measure(spans)[1]


def _places(boundaries: Boundaries, room: int, overlap: int, prefer: Preferences) -> list[tuple[int, int]]:
    """The windows' first and last boundaries, by their number."""
    n_before, last = boundaries.n_before, len(boundaries.ends) - 1
    windows: list[tuple[int, int]] = []
    first = end = 0
    while n_before[last] - n_before[first] > room and first < last - 1:
        end = _end(boundaries, first, end, room, prefer)
        windows.append((first, end))
        first = _next_start(boundaries, windows[-1], room, overlap, prefer)
    if windows:
        first = max(windows[-1][0] + 1, _last_start(boundaries, first, room, prefer))
    return [*windows, (first, last)]


def _end(boundaries: Boundaries, first: int, before: int, room: int, prefer: Preferences) -> int:
    """Where the window that starts at `first` ends: behind the end of the one before it."""
    n_before, kinds = boundaries.n_before, boundaries.kinds
    most = n_before[first] + room
    furthest = int(np.searchsorted(n_before, most, side="right")) - 1
    if furthest <= before:  # too many tokens even so
        return before + 1
    for kind, share in prefer.ends:
        nearest = max(int(np.searchsorted(n_before, most - int(room * share))), before + 1)
        found = np.flatnonzero(kinds[nearest : furthest + 1] >= kind)
        if len(found):
            return nearest + int(found[-1])
    return furthest


def _next_start(boundaries: Boundaries, window: tuple[int, int], room: int, overlap: int, prefer: Preferences) -> int:
    """Where the window behind this one starts: so late that it can end behind its end."""
    n_before, kinds = boundaries.n_before, boundaries.kinds
    first, end = window
    least = max(n_before[end] - overlap, n_before[min(end + 1, len(n_before) - 1)] - room)
    earliest = min(max(int(np.searchsorted(n_before, least)), first + 1), end)
    most = n_before[end] - int(overlap * prefer.starts_shared)
    latest = min(int(np.searchsorted(n_before, most, side="right")) - 1, end)
    for kind, _ in prefer.ends:
        found = np.flatnonzero(kinds[earliest : latest + 1] >= kind)
        if len(found):
            return earliest + int(found[0])
    return earliest


def _last_start(boundaries: Boundaries, latest: int, room: int, prefer: Preferences) -> int:
    """Where the last window starts: as early as it can, `latest` at the latest."""
    n_before, kinds = boundaries.n_before, boundaries.kinds
    full = n_before[-1] - room
    earliest = min(int(np.searchsorted(n_before, full)), latest)
    for kind, share in prefer.last_starts:
        soon = min(int(np.searchsorted(n_before, full + int(room * share), side="right")) - 1, latest)
        found = np.flatnonzero(kinds[earliest : soon + 1] >= kind)
        if len(found):
            return earliest + int(found[0])
    return earliest
