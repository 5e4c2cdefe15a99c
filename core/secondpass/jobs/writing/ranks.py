"""Ranks within queries whose rows stand together, given while the rows stream by."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray

from secondpass.jobs.rows import BadRow, Rows, ScoredRows
from secondpass.jobs.shards import Shard, query_digest
from secondpass.ranking import Readings, best_first


def rank_stretches(stretches: NDArray[np.int64], readings: Readings) -> NDArray[np.int32]:
    """Each row's place among the rows of its stretch, as `rank` orders them: 1 for the best.

    Args:
        stretches: Which stretch each row is in, ascending. Shape: (n_rows,).
        readings: Of each row.
    """
    ranks = np.zeros(len(stretches), np.int32)
    scores = readings.scores.tolist()
    tie_breakers = readings.tie_breakers.tolist()
    ends = [*(np.flatnonzero(np.diff(stretches)) + 1).tolist(), len(stretches)]
    start = 0
    for stop in ends:
        order = best_first(scores[start:stop], tie_breakers[start:stop])
        ranks[start + np.array(order, np.int64)] = np.arange(1, len(order) + 1)
        start = stop
    return ranks


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """Rows that wait, and which stretch each of them is in, from 0."""

    scored: ScoredRows
    stretches: Sequence[int]

    def slice(self, start: int, stop: int) -> "_Piece":
        return _Piece(self.scored.slice(start, stop), self.stretches[start:stop])


class Ranker:
    """Holds back the rows of a query until the last of them has come, and gives them out with their ranks.

    A stretch is of rows of one query that follow each other. Rows that have no score are among these: they have no
    rank, but where one of them stands between two rows of another query, these do not follow each other.

    Args:
        shard: Whose rows these are: a query that goes on in another shard has no ranks.
    """

    def __init__(self, shard: Shard) -> None:
        self._shard = shard
        self._waiting: list[_Piece] = []
        self._bad: list[tuple[int, str]] = []  # numbers and keys of bad rows that are still ahead: a heap
        self._key: str | None = None
        self._stretches = array("Q")

    @property
    def stretches(self) -> NDArray[np.uint64]:
        """A digest of the query of each stretch so far, in order: see `count_scattered`."""
        return np.array(self._stretches, np.uint64)

    def push(self, rows: ScoredRows, bad: Iterable[BadRow] = ()) -> Iterator[ScoredRows]:
        """The rows that are complete with these.

        Args:
            rows: The next ones, without ranks.
            bad: Rows without scores that have not been given yet, with all those that stand before the last of `rows`.
        """
        self._add(bad)
        if not rows:
            return
        piece = _Piece(rows, self._stretches_of(rows.rows))
        last = piece.stretches[-1]
        start = bisect_left(piece.stretches, last)
        if start:
            self._waiting.append(piece.slice(0, start))
        if self._waiting and self._waiting[-1].stretches[-1] != last:
            yield from self._ranked(is_last=False)
        self._waiting.append(piece.slice(start, len(rows)))

    def finish(self, bad: Iterable[BadRow] = ()) -> Iterator[ScoredRows]:
        """The rows that are left at the end of the shard.

        Args:
            bad: Rows without scores that have not been given yet.
        """
        self._add(bad)
        while self._bad:
            self._pass(heappop(self._bad)[1])
        yield from self._ranked(is_last=True)

    def _add(self, bad: Iterable[BadRow]) -> None:
        for row in bad:
            if row.key is not None:
                heappush(self._bad, (row.number, row.key))

    def _stretches_of(self, rows: Rows) -> list[int]:
        stretches = []
        for number, key in zip(rows.numbers, rows.keys, strict=True):
            while self._bad and self._bad[0][0] < number:
                self._pass(heappop(self._bad)[1])
            self._pass(key)
            stretches.append(len(self._stretches) - 1)
        return stretches

    def _pass(self, key: str) -> None:
        """Go on to the next row, which may begin a stretch."""
        if key != self._key:
            self._stretches.append(query_digest(key))
            self._key = key

    def _ranked(self, *, is_last: bool) -> Iterator[ScoredRows]:
        pieces, self._waiting = self._waiting, []
        if not pieces:
            return
        stretches = np.array([number for piece in pieces for number in piece.stretches], np.int64)
        ranks = rank_stretches(stretches, Readings.concatenate([piece.scored.readings for piece in pieces]))
        shard = self._shard
        # Of the query that is divided no row here may say so: then the first or last stretch is of another one.
        if shard.continues and shard.first_query in {None, self._stretches[0]}:
            ranks[stretches == 0] = 0
        if is_last and shard.is_continued and shard.last_query in {None, self._stretches[-1]}:
            ranks[stretches == len(self._stretches) - 1] = 0
        start = 0
        for piece in pieces:
            yield replace(piece.scored, ranks=ranks[start : start + len(piece.stretches)])
            start += len(piece.stretches)


def count_scattered(shards: Iterable[tuple[NDArray[np.uint64], bool]]) -> int:
    """How often a query comes back after rows of others, so that each of its stretches is ranked by itself.

    Args:
        shards: In order: the digests of each one's stretches, and whether it begins with the query that the one before
            ends with, which is one stretch.
    """
    stretches = [np.empty(0, np.uint64)]
    last = None
    for of_shard, continues in shards:
        goes_on = continues and len(of_shard) > 0 and of_shard[0] == last
        stretches.append(of_shard[int(goes_on) :])
        if len(of_shard) or not continues:  # through rows that say nothing of their query, one goes on
            last = of_shard[-1] if len(of_shard) else None
    digests = np.concatenate(stretches)
    return len(digests) - len(np.unique(digests))
