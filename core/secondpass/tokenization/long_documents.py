"""How much of each document is read: truncated to fit, or all of it in windows."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic

import numpy as np
from numpy.typing import NDArray

from secondpass.errors import InputError
from secondpass.options import LongDocuments
from secondpass.tokenization.item_tokenizer import FittedTokens, ItemT, ItemTokenizer
from secondpass.tokenization.tokens import PairTokens, span_indices
from secondpass.tokenization.truncated_passage import truncated_passage
from secondpass.tokenization.windows import Span, split_to_fit


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """The parts in which items (pairs or single texts) are read; one that fits, or is truncated, is a single one.

    Args:
        counts: Windows of each item, at least 1. Shape: (n_items,), int64.
        rows: The number of each window's tokens among the different ones. Shape: (n_windows,), int64.
        starts: The first character of each window in its document. Shape: (n_windows,), int64.
        ends: One behind its last character; a truncated document's own end. Shape: (n_windows,), int64.
        query_truncated: Of each item, whether a part of its query is not read. Shape: (n_items,).
        document_truncated: Of each item, whether a part of its document is not read. Shape: (n_items,).
    """

    counts: NDArray[np.int64]
    rows: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    query_truncated: NDArray[np.bool_]
    document_truncated: NDArray[np.bool_]

    def take(self, items: NDArray[np.int64]) -> "Windows":
        """The windows of the items with these numbers, in this order."""
        counts = self.counts[items]
        windows = span_indices((self.counts.cumsum() - self.counts)[items], counts)
        return Windows(
            counts,
            self.rows[windows],
            self.starts[windows],
            self.ends[windows],
            self.query_truncated[items],
            self.document_truncated[items],
        )


@dataclass(frozen=True, slots=True, eq=False)
class WindowedTokens:
    """What a model reads of several items.

    Args:
        tokens: The tokens of all windows, each different window once.
        windows: Which of them make up each item.
    """

    tokens: PairTokens
    windows: Windows


class TruncatingReader(Generic[ItemT]):
    """Reads as much as fits.

    Args:
        tokenize: Items to tokens.
    """

    def __init__(self, tokenize: ItemTokenizer[ItemT]) -> None:
        self.tokenize: ItemTokenizer[ItemT] = tokenize

    def __call__(self, items: Sequence[ItemT]) -> WindowedTokens:
        """What is read of each item: one window."""
        return _read_at_once(items, self.tokenize.fit(items))

    def read_span(self, item: ItemT, window: Span) -> Span:  # noqa: ARG002 - it is the whole document
        """What is read of a document that is truncated."""

        def fit(spans: Sequence[Span]) -> FittedTokens:
            return self.tokenize.fit([part_of(item, span) for span in spans])

        return truncated_passage(document_of(item), Span(*self.tokenize.read_characters(item)), fit)


class WindowReader(Generic[ItemT]):
    """Reads all of every document, in overlapping windows where it does not fit.

    Args:
        tokenize: Items to tokens.
        overlap: Tokens that neighbouring windows share at most, but never more than half of the room that the query
            leaves; None for a quarter of that room.

    Raises:
        InputError: There is no room for windows, or not for such an overlap.
    """

    def __init__(self, tokenize: ItemTokenizer[ItemT], overlap: int | None) -> None:
        self.tokenize: ItemTokenizer[ItemT] = tokenize.for_windows()
        self._overlap = overlap
        room = self.tokenize.least_room
        if room < 1:
            raise InputError('long_documents must be "truncate" where max_length leaves no room beside a query')
        if overlap is not None and overlap >= room:
            raise InputError(
                f"window_overlap must be below {room}, the tokens that are left for a document beside the longest "
                f"query, got {overlap}"
            )

    def __call__(self, items: Sequence[ItemT]) -> WindowedTokens:
        """What is read of each item: one window where it fits, else several."""
        fitted = self.tokenize.fit(items)
        at_once = _read_at_once(items, fitted)
        # White space alone may have tokens, but nothing to be read.
        long = [i for i in np.flatnonzero(fitted.document_excess).tolist() if document_of(items[i]).strip()]
        if not long:
            return at_once
        split = [self._split(items[i], int(fitted.document_read[i])) for i in long]
        return _put_together(items, at_once, dict(zip(long, split, strict=True)))

    def read_span(self, item: ItemT, window: Span) -> Span:  # noqa: ARG002 - what holds for windows holds for each
        """The window: only of a character that has more tokens than there is room for, one may not be read."""
        return window

    def _split(self, item: ItemT, room: int) -> tuple[list[Span], FittedTokens]:
        """The windows of a document and their tokens."""

        def measure(spans: Sequence[Span]) -> tuple[NDArray[np.int64], FittedTokens]:
            fitted = self.tokenize.fit([part_of(item, span) for span in spans])
            return fitted.document_excess, fitted

        document = document_of(item)
        overlap = room // 4 if self._overlap is None else self._overlap
        return split_to_fit(document, self.tokenize.tokenize, room, overlap, measure)


def reader_for(
    tokenize: ItemTokenizer[ItemT], long_documents: LongDocuments, window_overlap: int | None
) -> TruncatingReader[ItemT] | WindowReader[ItemT]:
    """What reads items in the way that options say.

    Raises:
        InputError: The windows have no room, or not for that overlap.
    """
    return WindowReader(tokenize, window_overlap) if long_documents == "windows" else TruncatingReader(tokenize)


def document_of(item: ItemT) -> str:
    """The document of a pair, or the single text itself."""
    if isinstance(item, str):
        return item
    return item[1]


def part_of(item: ItemT, span: Span) -> ItemT:
    """The item with a part of its document in place of the whole."""
    if isinstance(item, str):
        return item[span.start : span.end]
    return item[0], item[1][span.start : span.end]


def _read_at_once(items: Sequence[ItemT], fitted: FittedTokens) -> WindowedTokens:
    """Every item as one window, truncated where it does not fit."""
    windows = Windows(
        np.ones(len(items), np.int64),
        np.arange(len(items)),
        np.zeros(len(items), np.int64),
        np.fromiter((len(document_of(item)) for item in items), np.int64, len(items)),
        fitted.query_excess > 0,
        fitted.document_excess > 0,
    )
    return WindowedTokens(fitted.tokens, windows)


def _put_together(
    items: Sequence[ItemT], at_once: WindowedTokens, split: Mapping[int, tuple[list[Span], FittedTokens]]
) -> WindowedTokens:
    """The reading in which the split items, by their number, are read in their windows and all others at once."""
    whole = at_once.windows
    short = np.setdiff1d(np.arange(len(items)), list(split))
    counts = np.ones(len(items), np.int64)
    counts[list(split)] = [len(spans) for spans, _ in split.values()]
    firsts = counts.cumsum() - counts
    rows, starts, ends = (np.zeros(counts.sum(), np.int64) for _ in range(3))
    rows[firsts[short]], ends[firsts[short]] = np.arange(len(short)), whole.ends[short]
    query_truncated, document_truncated = whole.query_truncated.copy(), whole.document_truncated.copy()
    tokens = [at_once.tokens.take(short.tolist())]
    row_of: dict[ItemT, int] = {}
    for i, (spans, fitted) in split.items():
        parts = [part_of(items[i], span) for span in spans]
        new = {part: number for number, part in enumerate(parts) if part not in row_of}
        row_of.update(zip(new, itertools.count(len(short) + len(row_of)), strict=False))
        tokens.append(fitted.tokens.take(list(new.values())))
        windows = slice(firsts[i], firsts[i] + counts[i])
        rows[windows] = [row_of[part] for part in parts]
        starts[windows], ends[windows] = [span.start for span in spans], [span.end for span in spans]
        query_truncated[i], document_truncated[i] = fitted.query_excess.any(), fitted.document_excess.any()
    return WindowedTokens(
        PairTokens.concatenate(tokens), Windows(counts, rows, starts, ends, query_truncated, document_truncated)
    )
