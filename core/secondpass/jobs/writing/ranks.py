"""Ranks within queries whose rows stand together, given while the rows stream by."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from secondpass.jobs.rows import ScoredRows
from secondpass.jobs.shards import Shard, query_digest
from secondpass.ranking import Readings, best_first


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """Where rows of one query stand, one after the other."""

    start: int
    stop: int
    key: str


def rank_groups(keys: Sequence[str], readings: Readings) -> NDArray[np.int32]:
    """Each row's place among the rows around it that have the same key, as `rank` orders them: 1 for the best.

    Args:
        keys: What rows of one query have in common.
        readings: Of each row.
    """
    ranks = np.zeros(len(keys), np.int32)
    scores = readings.scores.tolist()
    tie_breakers = readings.tie_breakers.tolist()
    for group in _groups(keys):
        order = best_first(scores[group.start : group.stop], tie_breakers[group.start : group.stop])
        ranks[group.start + np.array(order)] = np.arange(1, len(order) + 1)
    return ranks


class Ranker:
    """Holds back the rows of a query until the last of them has come, and gives them out with their ranks.

    Args:
        shard: Whose rows these are: a query that goes on in another shard has no ranks.
    """

    def __init__(self, shard: Shard) -> None:
        self._shard = shard
        self._waiting: list[ScoredRows] = []
        self._is_first = True
        self._stretches = array("Q")

    @property
    def stretches(self) -> NDArray[np.uint64]:
        """A digest of the query of each stretch of rows so far, in order: see `count_scattered`."""
        return np.array(self._stretches, np.uint64)

    def push(self, rows: ScoredRows) -> Iterator[ScoredRows]:
        """The rows that are complete with these.

        Args:
            rows: The next ones, without ranks.
        """
        keys = rows.rows.keys
        same = self._waiting[-1].rows.keys[-1] if self._waiting else keys[0] if keys else None
        last_change = next((i for i in range(len(keys) - 1, 0, -1) if keys[i] != keys[i - 1]), 0)
        if keys and not last_change and keys[0] == same:
            self._waiting.append(rows)
            return
        if last_change:
            self._waiting.append(rows.slice(0, last_change))
        yield from self._ranked(is_last=False)
        if keys:
            self._waiting = [rows.slice(last_change, len(keys))]

    def finish(self) -> Iterator[ScoredRows]:
        """The rows that are left at the end of the shard."""
        yield from self._ranked(is_last=True)

    def _ranked(self, *, is_last: bool) -> Iterator[ScoredRows]:
        pieces, self._waiting = self._waiting, []
        if not pieces:
            return
        keys = [key for piece in pieces for key in piece.rows.keys]
        ranks = rank_groups(keys, Readings.concatenate([piece.readings for piece in pieces]))
        groups = list(_groups(keys))
        self._stretches.extend(query_digest(group.key) for group in groups)
        first, last, shard = groups[0], groups[-1], self._shard
        # Rows of the query that is divided may all be bad: then the first or last rows here are of another one.
        if self._is_first and shard.continues and shard.first_query in {None, query_digest(first.key)}:
            ranks[: first.stop] = 0
        if is_last and shard.is_continued and shard.last_query in {None, query_digest(last.key)}:
            ranks[last.start :] = 0
        self._is_first = False
        start = 0
        for piece in pieces:
            yield replace(piece, ranks=ranks[start : start + len(piece)])
            start += len(piece)


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
        last = of_shard[-1] if len(of_shard) else None
    digests = np.concatenate(stretches)
    return len(digests) - len(np.unique(digests))


def _groups(keys: Sequence[str]) -> Iterator[_Group]:
    start = 0
    for i in range(1, len(keys) + 1):
        if i == len(keys) or keys[i] != keys[start]:
            yield _Group(start, i, keys[start])
            start = i
