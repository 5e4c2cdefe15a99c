"""Where a file is divided into shards: every so many rows, but never between rows of one query that stand together."""

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

RowT = TypeVar("RowT")


@dataclass(frozen=True, slots=True)
class Shard:
    """Rows of one file that are scored and written together.

    Args:
        number: Among the shards of the job, from 0.
        file: The number of the input file, from 0.
        first_row: The number of its first row in the file, from 0.
        n_rows: How many it has, at least 1.
        offset: The byte at which the first row begins in a text file, unpacked where it is gzipped.
        line: The line at which the first row begins in a text file, from 1.
        continues: Whether it begins with rows of the query that the shard before ends with.
        is_continued: Whether it ends with rows of the query that the next shard begins with.
    """

    number: int
    file: int
    first_row: int
    n_rows: int
    offset: int = 0
    line: int = 1
    continues: bool = False
    is_continued: bool = False

    @property
    def name(self) -> str:
        """What its files are called, but for their endings."""
        return f"part-{self.number:05d}"


@dataclass(frozen=True, slots=True)
class Piece(Generic[RowT]):
    """Rows that stand together.

    Args:
        first: The first of them.
        first_row: Its number, from 0.
        n_rows: How many there are.
        is_continued: Whether the next piece begins with the query that this one ends with.
    """

    first: RowT
    first_row: int
    n_rows: int
    is_continued: bool = False


def divide(rows: Iterable[RowT], key_of: Callable[[RowT], Hashable | None], shard_rows: int) -> Iterator[Piece[RowT]]:
    """Divide rows where the query changes: at the first change after so many, and after twice as many at the latest.

    Rows are looked at only where a piece may end, so that dividing costs little more than counting them.

    Args:
        rows: In order.
        key_of: What rows of one query have in common; None for a row that says nothing of its query.
        shard_rows: How many rows a piece has at least, but for the last one.
    """
    first: list[RowT] = []  # none, or the first row of the piece
    first_row = n_rows = 0
    key: Hashable | None = None
    for number, row in enumerate(rows):
        if n_rows >= shard_rows:
            here = key_of(row)
            is_other = None not in (here, key) and here != key
            if is_other or n_rows >= 2 * shard_rows:
                yield Piece(first[0], first_row, n_rows, is_continued=not is_other)
                first, first_row, n_rows = [], number, 0
            elif here is not None:
                key = here
        if not n_rows:
            first = [row]
        n_rows += 1
        if n_rows == shard_rows:
            key = key_of(row)
    if first:
        yield Piece(first[0], first_row, n_rows)
