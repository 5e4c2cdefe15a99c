"""Rows on their way from an input file to a shard: two texts, where they stood, and the columns beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from secondpass.arguments import check_unicode, describe
from secondpass.errors import InputError
from secondpass.ranking import Readings


class Carried(Protocol):
    """The columns of rows that go from the input to the output as they are."""

    def slice(self, start: int, stop: int) -> Self:
        """Those of some of the rows."""
        ...

    def __len__(self) -> int:
        """Rows."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class JsonObjects:
    """Columns as JSON lines have them: an object per row."""

    objects: Sequence[Mapping[str, object]]

    def slice(self, start: int, stop: int) -> "JsonObjects":
        """Those of some of the rows."""
        return JsonObjects(self.objects[start:stop])

    def __len__(self) -> int:
        """Rows."""
        return len(self.objects)


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows that can be scored. All members are of the same length.

    Args:
        numbers: Where each stood in its file, from 1: the line of a text file, the row of a Parquet file.
        queries: What is asked.
        documents: The texts.
        keys: What rows of one query have in common, as `RowReader` tells it: its id, or else its text.
        carried: Their other columns.
    """

    numbers: Sequence[int]
    queries: Sequence[str]
    documents: Sequence[str]
    keys: Sequence[str]
    carried: Carried

    def slice(self, start: int, stop: int) -> "Rows":
        """Some of the rows."""
        return Rows(
            self.numbers[start:stop],
            self.queries[start:stop],
            self.documents[start:stop],
            self.keys[start:stop],
            self.carried.slice(start, stop),
        )

    def __len__(self) -> int:
        """Rows."""
        return len(self.numbers)


@dataclass(frozen=True, slots=True)
class ReadRow:
    """A row that can be scored.

    Args:
        number: Where it stood in its file, as in `Rows`.
        query: What is asked.
        document: The text.
        key: What rows of its query have in common, as in `Rows`.
    """

    number: int
    query: str
    document: str
    key: str


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that was not scored.

    Args:
        number: Where it stood in its file, as in `Rows`.
        error: Why.
        n_rows: How many rows it stands for, where those behind it were lost with it.
        key: What rows of its query have in common, as in `Rows`; None where it says nothing of its query.
    """

    number: int
    error: str
    n_rows: int = 1
    key: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class RowBlock:
    """Rows as they were read together.

    Args:
        rows: Those that can be scored.
        bad: The others.
    """

    rows: Rows
    bad: Sequence[BadRow]

    @classmethod
    def of(
        cls, read: Sequence[ReadRow], carried: Carried, not_carried: Mapping[int, str], bad: Sequence[BadRow]
    ) -> "RowBlock":
        """The block of what became of its rows.

        Args:
            read: Those that can be scored, as far as their texts go.
            carried: The other columns of those of them that have a place in the output.
            not_carried: By the number of each of the others in `read`, why it has none.
            bad: The rows that cannot be scored.
        """
        kept = [row for number, row in enumerate(read) if number not in not_carried]
        rows = Rows(
            [row.number for row in kept],
            [row.query for row in kept],
            [row.document for row in kept],
            [row.key for row in kept],
            carried,
        )
        lost = [BadRow(read[number].number, error, key=read[number].key) for number, error in not_carried.items()]
        return cls(rows, sorted([*bad, *lost], key=lambda row: row.number))


@dataclass(frozen=True, slots=True, eq=False)
class ScoredRows:
    """Rows with what the scorer made of them. All members are of the same length.

    Args:
        rows: The rows.
        readings: Their scores, what orders those that are equal, passages, and what was truncated.
        ranks: The place among the rows of the query, from 1; 0 where the query's rows are not all here. Shape:
            (n_rows,), int32.
    """

    rows: Rows
    readings: Readings
    ranks: NDArray[np.int32]

    def slice(self, start: int, stop: int) -> "ScoredRows":
        """Some of the rows."""
        return ScoredRows(self.rows.slice(start, stop), self.readings.slice(start, stop), self.ranks[start:stop])

    def __len__(self) -> int:
        """Rows."""
        return len(self.rows)


def is_missing(value: object) -> bool:
    """Whether there is no value, or NaN, which is how data frames write that there is none."""
    return value is None or (isinstance(value, float) and bool(np.isnan(value)))


def text_of_cell(value: object, name: str) -> str:
    """The value; raise InputError unless it is text, `name` being what the caller calls it.

    An InputError in its place says itself why there is none.
    """
    if isinstance(value, InputError):
        raise value
    if is_missing(value):
        raise InputError(f"{name} must be a string, is missing")
    if not isinstance(value, str):
        raise InputError(f"{name} must be a string, got {describe(value)}")
    check_unicode(value, name)
    return value
