"""Rows of text files: JSON lines, CSV, TSV, TREC runs."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import MappingProxyType

from secondpass.errors import InputError
from secondpass.jobs.carrying.carrier import Carrier
from secondpass.jobs.inputs.input_file import BLOCK_CHARACTERS, BLOCK_ROWS
from secondpass.jobs.inputs.records import Record, RecordFile, TextKind
from secondpass.jobs.inputs.row_reader import RowReader, check_columns
from secondpass.jobs.rows import BadRow, ReadRow, RowBlock
from secondpass.jobs.shards import Shard, divide, shards_of


@dataclass(frozen=True, slots=True)
class _GoodRow:
    """A row that can be scored: all of its values, and what was read of them."""

    values: Mapping[str, object]
    read: ReadRow


class TextInput:
    """A text file of rows.

    Args:
        path: The file, gzipped or not.
        kind: Its format.
        reader: Reads its rows.
        carrier: Takes their other columns on.
        partition: Columns that all rows have beside those of the file.

    Raises:
        InputError: The file cannot be opened, lacks a column, or has one of the partition itself.
    """

    def __init__(
        self,
        path: Path,
        kind: TextKind,
        reader: RowReader,
        carrier: Carrier,
        partition: Mapping[str, str | None] = MappingProxyType({}),
    ) -> None:
        self._path = path
        self._file = RecordFile(path, kind)
        self._reader = reader
        self._carrier = carrier
        self._partition = partition
        self._next_row, self._records = -1, iter(())  # type: tuple[int, Iterator[Record]]
        if self._file.columns:
            check_columns(path, [*self._file.columns, *partition], reader)

    def divide(self, file: int, first_number: int) -> Iterator[Shard]:
        """See `InputFile`."""
        pieces = divide(self._file.records(), self._key_of, self._reader.settings.shard_rows)
        return shards_of(pieces, file, first_number, lambda first: (first.offset, first.line))

    def blocks(self, shard: Shard) -> Iterator[RowBlock]:
        """See `InputFile`."""
        # A gzipped file can only be read from its beginning, so shards that follow each other read on.
        if self._next_row != shard.first_row:
            self._records = self._file.records(shard.offset, shard.line)
        self._next_row = -1
        records = islice(self._records, shard.n_rows)
        n_rows = 0
        while block := list(self._block(records)):
            yield self._rows(block)
            n_rows += len(block)
        if n_rows < shard.n_rows:
            end = shard.first_row + shard.n_rows
            raise InputError(f"{self._path} must have {end} rows as before, has {shard.first_row + n_rows}")
        self._next_row = shard.first_row + shard.n_rows

    def sample(self) -> list[Mapping[str, object]]:
        """The values of the first rows that can be scored."""
        return list(islice(self._good_values(), BLOCK_ROWS))

    def _good_values(self) -> Iterator[Mapping[str, object]]:
        for record in self._file.records():
            with suppress(InputError):
                values = self._values(record)
                self._reader.read(record.line, values)
                yield values

    def _values(self, record: Record) -> dict[str, object]:
        """The values of a record by column, with those of the partition."""
        values = self._file.parse(record)
        twice = self._partition.keys() & values
        if twice:
            raise InputError(f"must have no column {min(twice)!r}, which the names of the file's folders say")
        return {**values, **self._partition}

    def _key_of(self, record: Record) -> str | None:
        try:
            return self._reader.key_of(self._values(record))
        except InputError:
            return None

    def _block(self, records: Iterator[Record]) -> Iterator["_GoodRow | BadRow"]:
        """So many records as are read together."""
        size = 0
        for record in islice(records, BLOCK_ROWS):
            row = self._row(record)
            yield row
            # A run's texts are not in its lines.
            size += max(_size(record), 0 if isinstance(row, BadRow) else len(row.read.query) + len(row.read.document))
            if size >= BLOCK_CHARACTERS:
                return

    def _row(self, record: Record) -> "_GoodRow | BadRow":
        values: Mapping[str, object] = {}
        try:
            values = self._values(record)
            return _GoodRow(values, self._reader.read(record.line, values))
        except InputError as error:
            return BadRow(record.line, str(error), key=self._reader.key_of(values))

    def _rows(self, block: Sequence["_GoodRow | BadRow"]) -> RowBlock:
        bad = [row for row in block if isinstance(row, BadRow)]
        good = [row for row in block if isinstance(row, _GoodRow)]
        carried, not_carried = self._carrier.of_objects([row.values for row in good])
        return RowBlock.of([row.read for row in good], carried, not_carried, bad)


def _size(record: Record) -> int:
    """Bytes or characters of a row, with all its columns; 0 where they are not held."""
    if isinstance(record.raw, InputError):
        return 0
    return len(record.raw) if isinstance(record.raw, bytes) else sum(map(len, record.raw))
