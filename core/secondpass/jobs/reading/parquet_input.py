"""Rows of Parquet files."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from secondpass.errors import InputError
from secondpass.jobs.carrying import Carrier
from secondpass.jobs.reading.input_file import BATCH_ROWS, DamagedFileError
from secondpass.jobs.reading.row_reader import ReadRow, RowReader
from secondpass.jobs.reading.text_input import check_columns
from secondpass.jobs.rows import BadRow, RowBatch, Rows
from secondpass.jobs.shards import Shard, divide

# Bytes of rows that are unpacked together, as the file tells them: fewer rows where documents are long.
_BATCH_BYTES = 2**26
# Bytes of a column that are read together.
_READ_BYTES = 2**20
# What pyarrow raises for a file that is damaged, or no Parquet file at all.
_DAMAGE = (pa.ArrowException, OSError)
# Stands for text of which some byte is no UTF-8.
_UNDECODABLE = InputError("must be UTF-8 text, is not")


class ParquetInput:
    """A Parquet file of rows.

    Args:
        path: The file.
        reader: Reads its rows.
        carrier: Takes their other columns on.

    Raises:
        InputError: It is no Parquet file, lacks a column, or has one of another type than text.
    """

    def __init__(self, path: Path, reader: RowReader, carrier: Carrier) -> None:
        self._path = path
        self._reader = reader
        self._carrier = carrier
        with _readable(path):
            # By default pyarrow keeps all that it has read of the row groups that it was asked for.
            self._file = pq.ParquetFile(path, pre_buffer=False, buffer_size=_READ_BYTES)
        settings, schema = reader.settings, self._file.schema_arrow
        check_columns(path, schema.names, reader)
        for name in (settings.query_column, settings.document_column):
            if not _holds_text(schema.field(name).type):
                raise InputError(f"{path}: the column {name!r} must hold text, holds {schema.field(name).type}")
        # The columns of ids may be missing.
        read = (settings.query_column, settings.document_column, settings.query_id_column, settings.document_id_column)
        self._read = [name for name in dict.fromkeys(read) if name in schema.names]
        with _readable(path):
            for table in islice(self._from(0), 1):
                carrier.of_table(table)  # values that cannot be written are found before anything is scored
        self._next_row, self._tables = -1, iter(())  # type: tuple[int, Iterator[pa.Table]]

    def divide(self, file: int, first_number: int) -> Iterator[Shard]:
        """See `InputFile`."""
        settings = self._reader.settings
        # A row without an id belongs to its query's text.
        names = [name for name in (settings.query_id_column, settings.query_column) if name in self._read]
        names = list(dict.fromkeys(names))
        tables = (table.select(names) for table in self._from(0, names))  # the columns in this order
        rows = ((table, row) for table in tables for row in range(table.num_rows))
        continues = False
        query: int | None = None
        pieces = divide(rows, self._key_of, settings.shard_rows)
        with _readable(self._path):
            for number, piece in enumerate(pieces, first_number):
                yield Shard(
                    number,
                    file,
                    piece.first_row,
                    piece.n_rows,
                    continues=continues,
                    is_continued=piece.is_continued,
                    first_query=query,
                    last_query=piece.query,
                )
                continues, query = piece.is_continued, piece.query

    def _key_of(self, place: tuple[pa.Table, int]) -> str | None:
        table, row = place
        for name in table.column_names:
            value = _value(table.column(name)[row])
            if value is _UNDECODABLE:
                return None
            key = self._reader.key_of({name: value})
            if key is not None:
                return key
        return None

    def batches(self, shard: Shard) -> Iterator[RowBatch]:
        """See `InputFile`."""
        # A row group can only be unpacked from its beginning, so shards that follow each other read on.
        if self._next_row != shard.first_row:
            self._tables = self._from(shard.first_row)
        self._next_row = -1
        row, end = shard.first_row, shard.first_row + shard.n_rows
        with _readable(self._path):
            while row < end:
                table = next(self._tables, None)
                if table is None:
                    raise InputError(f"{self._path} must have {end} rows as before, has {row}")
                if row + table.num_rows > end:
                    self._tables = chain([table.slice(end - row)], self._tables)
                    table = table.slice(0, end - row)
                yield self._rows(table, row)
                row += table.num_rows
        self._next_row = end

    def _from(self, row: int, columns: list[str] | None = None) -> Iterator[pa.Table]:
        """The rows from one on, in tables of a few."""
        metadata = self._file.metadata
        group = first = 0
        while group < metadata.num_row_groups and first + metadata.row_group(group).num_rows <= row:
            first += metadata.row_group(group).num_rows
            group += 1
        groups = list(range(group, metadata.num_row_groups))
        n_bytes = sum(metadata.row_group(number).total_byte_size for number in groups)
        n_rows = sum(metadata.row_group(number).num_rows for number in groups)
        batch_rows = BATCH_ROWS if columns else min(BATCH_ROWS, max(1, _BATCH_BYTES * n_rows // max(1, n_bytes)))
        skip = row - first
        for batch in self._file.iter_batches(batch_rows, row_groups=groups, columns=columns):
            table = pa.Table.from_batches([batch])
            if skip < table.num_rows:
                yield table.slice(skip)
            skip = max(0, skip - table.num_rows)

    def _rows(self, table: pa.Table, first_row: int) -> RowBatch:
        bad: list[BadRow] = []
        places: list[int] = []
        good: list[ReadRow] = []
        columns = [_values(table.column(name)) for name in self._read]
        for place, values in enumerate(zip(*columns, strict=True)):
            try:
                if _UNDECODABLE in values:
                    raise _UNDECODABLE
                good.append(self._reader.read(dict(zip(self._read, values, strict=True))))
                places.append(place)
            except InputError as error:
                bad.append(BadRow(first_row + place + 1, str(error)))
        carried, not_carried = self._carrier.of_table(table if not bad else table.take(pa.array(places, pa.int64())))
        bad += [BadRow(first_row + places[number] + 1, error) for number, error in not_carried.items()]
        kept = [number for number in range(len(good)) if number not in not_carried]
        places, good = [places[number] for number in kept], [good[number] for number in kept]
        rows = Rows(
            [first_row + place + 1 for place in places],
            [row.query for row in good],
            [row.document for row in good],
            [row.key for row in good],
            carried,
        )
        return RowBatch(rows, sorted(bad, key=lambda row: row.number))


def _holds_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _values(column: pa.ChunkedArray) -> list[object]:
    try:
        values: list[object] = column.to_pylist()
    except UnicodeDecodeError:
        return [_value(scalar) for scalar in column]
    return values


def _value(scalar: pa.Scalar) -> object:
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        return _UNDECODABLE


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """What pyarrow cannot read is an InputError."""
    try:
        yield
    except FileNotFoundError as error:
        raise InputError(f"no such file: {path}") from error
    except _DAMAGE as error:
        if isinstance(error, OSError) and error.errno is not None:  # the system's, which pyarrow's own have none of
            raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
        raise DamagedFileError(f"{path}: must be a Parquet file that is whole; {str(error).splitlines()[0]}") from error
