"""Rows of text files: JSON lines, CSV, TSV, TREC runs."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from secondpass.errors import InputError
from secondpass.jobs.carrying.carrier import Carrier
from secondpass.jobs.inputs.input_file import BLOCK_CHARACTERS, BLOCK_ROWS
from secondpass.jobs.inputs.records import Record, RecordFile, TextKind
from secondpass.jobs.inputs.row_reader import ReadRow, RowReader, taken_columns
from secondpass.jobs.rows import BadRow, RowBlock, Rows
from secondpass.jobs.shards import Shard, divide


@dataclass(frozen=True, slots=True)
class _GoodRow:
    """A row that can be scored: where it stands, all of its values, and what was read of them."""

    line: int
    values: Mapping[str, object]
    read: ReadRow


class TextInput:
    """A text file of rows.

    Args:
        path: The file, gzipped or not.
        kind: Its format.
        reader: Reads its rows.
        carrier: Takes their other columns on.

    Raises:
        InputError: The file cannot be opened, or lacks a column.
    """

    def __init__(self, path: Path, kind: TextKind, reader: RowReader, carrier: Carrier) -> None:
        self._path = path
        self._file = RecordFile(path, kind)
        self._reader = reader
        self._carrier = carrier
        self._next_row, self._records = -1, iter(())  # type: tuple[int, Iterator[Record]]
        if self._file.columns:
            check_columns(path, self._file.columns, reader)

    def divide(self, file: int, first_number: int) -> Iterator[Shard]:
        """See `InputFile`."""
        continues = False
        query: int | None = None
        pieces = divide(self._file.records(), self._key_of, self._reader.settings.shard_rows)
        for number, piece in enumerate(pieces, first_number):
            first = piece.first
            yield Shard(
                number,
                file,
                piece.first_row,
                piece.n_rows,
                first.offset,
                first.line,
                continues,
                piece.is_continued,
                query,
                piece.query,
            )
            continues, query = piece.is_continued, piece.query

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
                values = self._file.parse(record)
                self._reader.read(values)
                yield values

    def _key_of(self, record: Record) -> str | None:
        try:
            return self._reader.key_of(self._file.parse(record))
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
            values = self._file.parse(record)
            return _GoodRow(record.line, values, self._reader.read(values))
        except InputError as error:
            return BadRow(record.line, str(error), key=self._reader.key_of(values))

    def _rows(self, block: Sequence["_GoodRow | BadRow"]) -> RowBlock:
        bad = [row for row in block if isinstance(row, BadRow)]
        good = [row for row in block if isinstance(row, _GoodRow)]
        carried, not_carried = self._carrier.of_objects([row.values for row in good])
        bad += [BadRow(good[number].line, error, key=good[number].read.key) for number, error in not_carried.items()]
        good = [row for number, row in enumerate(good) if number not in not_carried]
        rows = Rows(
            [row.line for row in good],
            [row.read.query for row in good],
            [row.read.document for row in good],
            [row.read.key for row in good],
            carried,
        )
        return RowBlock(rows, sorted(bad, key=lambda row: row.number))


def _size(record: Record) -> int:
    """Bytes or characters of a row, with all its columns; 0 where they are not held."""
    if isinstance(record.raw, InputError):
        return 0
    return len(record.raw) if isinstance(record.raw, bytes) else sum(map(len, record.raw))


def check_columns(path: Path, columns: Sequence[str], reader: RowReader) -> None:
    """Raise InputError unless a file has the columns that are read, and none that would be written."""
    needed = [reader.settings.query_column, reader.settings.document_column]
    if reader.settings.output_format == "trec":
        needed += [reader.settings.query_id_column, reader.settings.document_id_column]
    missing = [column for column in needed if column not in columns]
    if missing:
        raise InputError(f"{path} must have the column {missing[0]!r}, has {', '.join(columns)}")
    taken = reader.written.intersection(columns)
    if taken:
        raise taken_columns(taken)
