"""Where a file is divided into shards: every so many rows, but never between rows of one query that stand together."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
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
        first_query: A digest of the query that it continues; None where it continues none, or no row says which.
        last_query: Likewise of the query that the next shard goes on with.
    """

    number: int
    file: int
    first_row: int
    n_rows: int
    offset: int = 0
    line: int = 1
    continues: bool = False
    is_continued: bool = False
    first_query: int | None = None
    last_query: int | None = None

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
        query: A digest of that query; None where there is none, or no row says which.
    """

    first: RowT
    first_row: int
    n_rows: int
    is_continued: bool = False
    query: int | None = None


def divide(rows: Iterable[RowT], key_of: Callable[[RowT], str | None], shard_rows: int) -> Iterator[Piece[RowT]]:
    """Divide rows where the query changes: at the first change after so many, and after twice as many at the latest.

    Rows are looked at only where a piece may end, so that dividing costs little more than counting them.

    Args:
        rows: In order.
        key_of: What rows of one query have in common; None for a row that says nothing of its query.
        shard_rows: How many rows a piece has at least, but for the last one.
    """
    first: list[RowT] = []  # none, or the first row of the piece
    first_row = n_rows = 0
    key: str | None = None
    for number, row in enumerate(rows):
        if n_rows >= shard_rows:
            here = key_of(row)
            is_other = None not in (here, key) and here != key
            if is_other or n_rows >= 2 * shard_rows:
                query = None if is_other or key is None else query_digest(key)
                yield Piece(first[0], first_row, n_rows, is_continued=not is_other, query=query)
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


def shards_of(
    pieces: Iterable[Piece[RowT]],
    file: int,
    first_number: int,
    place_of: Callable[[RowT], tuple[int, int]] = lambda _: (0, 1),
) -> Iterator[Shard]:
    """The shards that the pieces of a file are.

    Args:
        pieces: In order.
        file: The number of the file, from 0.
        first_number: That of the first shard.
        place_of: The byte and the line at which a row begins, in a text file.
    """
    continues = False
    query: int | None = None
    for number, piece in enumerate(pieces, first_number):
        offset, line = place_of(piece.first)
        yield Shard(
            number,
            file,
            piece.first_row,
            piece.n_rows,
            offset,
            line,
            continues,
            piece.is_continued,
            query,
            piece.query,
        )
        continues, query = piece.is_continued, piece.query


def query_digest(key: str) -> int:
    """64 bits of a query's key: among a hundred million keys, two that are alike are not to be expected."""
    return int.from_bytes(hashlib.blake2b(key.encode(errors="surrogatepass"), digest_size=8).digest())
