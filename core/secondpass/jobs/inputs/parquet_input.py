"""Rows of Parquet files."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, groupby
from pathlib import Path
from types import MappingProxyType

import pyarrow as pa
import pyarrow.parquet as pq

from secondpass.errors import InputError
from secondpass.jobs.carrying.arrow_values import value_of, values_of
from secondpass.jobs.carrying.carrier import Carrier
from secondpass.jobs.inputs.input_file import BLOCK_ROWS, DamagedFileError
from secondpass.jobs.inputs.row_reader import RowReader, check_columns
from secondpass.jobs.rows import BadRow, ReadRow, RowBlock
from secondpass.jobs.shards import Shard, divide, shards_of

# Bytes of rows that are unpacked together, as the file tells them: fewer rows where documents are long.
_BLOCK_BYTES = 2**26
# Bytes of a column that are read together.
_READ_BYTES = 2**20


class ParquetInput:
    """A Parquet file of rows.

    Args:
        path: The file.
        reader: Reads its rows.
        carrier: Takes their other columns on.
        partition: Columns that all rows have beside those of the file.

    Raises:
        InputError: It is no Parquet file, lacks a column, has one of another type than text, or one of the partition
            itself.
    """

    def __init__(
        self,
        path: Path,
        reader: RowReader,
        carrier: Carrier,
        partition: Mapping[str, str | None] = MappingProxyType({}),
    ) -> None:
        self._path = path
        self._reader = reader
        self._carrier = carrier
        self._partition = partition
        with _readable(path):
            # By default pyarrow keeps all that it has read of the row groups that it was asked for.
            self._file = pq.ParquetFile(path, pre_buffer=False, buffer_size=_READ_BYTES)
        check_columns(path, [*self._file.schema_arrow.names, *partition], reader)
        settings, schema = reader.settings, self.schema
        for name in (settings.query_column, settings.document_column):
            if not _holds_text(schema.field(name).type):
                raise InputError(f"{path}: the column {name!r} must hold text, holds {schema.field(name).type}")
        # The columns of ids may be missing.
        read = (settings.query_column, settings.document_column, settings.query_id_column, settings.document_id_column)
        self._read = [name for name in dict.fromkeys(read) if name in schema.names]
        carrier.check_schema(schema)  # what cannot be written is found before anything is scored
        next(self._from(0), None)  # and so is what cannot be read at all
        self._next_row, self._tables = -1, iter(())  # type: tuple[int, Iterator[pa.Table]]

    @property
    def schema(self) -> pa.Schema:
        """The columns of its rows, with those of the partition."""
        return pa.schema([*self._file.schema_arrow, *((name, pa.string()) for name in self._partition)])

    def divide(self, file: int, first_number: int) -> Iterator[Shard]:
        """See `InputFile`."""
        settings = self._reader.settings
        # A row without an id belongs to its query's text.
        names = [name for name in (settings.query_id_column, settings.query_column) if name in self._read]
        rows = ((table, row) for table in self._from(0, list(dict.fromkeys(names))) for row in range(table.num_rows))
        pieces = divide(rows, self._key_of, settings.shard_rows)
        return shards_of(pieces, file, first_number)

    def _key_of(self, place: tuple[pa.Table, int]) -> str | None:
        table, row = place
        return self._reader.key_of({name: value_of(table.column(name)[row], name) for name in table.column_names})

    def blocks(self, shard: Shard) -> Iterator[RowBlock]:
        """See `InputFile`."""
        # A row group can only be unpacked from its beginning, so shards that follow each other read on.
        if self._next_row != shard.first_row:
            self._tables = self._from(shard.first_row)
        self._next_row = -1
        row, end = shard.first_row, shard.first_row + shard.n_rows
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

    def _from(self, row: int, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """The rows from one on, in tables of a few."""
        metadata = self._file.metadata
        of_file = None if columns is None else [name for name in columns if name not in self._partition]
        of_partition = {name: value for name, value in self._partition.items() if columns is None or name in columns}
        group = first = 0
        while group < metadata.num_row_groups and first + metadata.row_group(group).num_rows <= row:
            first += metadata.row_group(group).num_rows
            group += 1
        skip = row - first
        for number in range(group, metadata.num_row_groups):
            of_group = metadata.row_group(number)
            n_rows = max(1, _BLOCK_BYTES * of_group.num_rows // max(1, of_group.total_byte_size))
            # Across groups, pyarrow reads no dictionary within other values.
            batches = self._file.iter_batches(
                min(BLOCK_ROWS, n_rows) if columns is None else BLOCK_ROWS, row_groups=[number], columns=of_file
            )
            while True:
                with _readable(self._path):
                    batch = next(batches, None)
                if batch is None:
                    break
                table = pa.Table.from_batches([batch])
                for name, value in of_partition.items():
                    table = table.append_column(name, pa.repeat(pa.scalar(value, pa.string()), table.num_rows))
                if skip < table.num_rows:
                    yield table.slice(skip)
                skip = max(0, skip - table.num_rows)

    def _rows(self, table: pa.Table, first_row: int) -> RowBlock:
        bad: list[BadRow] = []
        good: list[ReadRow] = []
        columns = [values_of(table.column(name), name) for name in self._read]
        for number, cells in enumerate(zip(*columns, strict=True), first_row + 1):
            values = dict(zip(self._read, cells, strict=True))
            try:
                for value in cells:
                    if isinstance(value, InputError):
                        raise value
                good.append(self._reader.read(number, values))
            except InputError as error:
                bad.append(BadRow(number, str(error), key=self._reader.key_of(values)))
        places = [row.number - first_row - 1 for row in good]
        carried, not_carried = self._carrier.of_table(_select(table, places) if bad else table)
        return RowBlock.of(good, carried, not_carried, bad)


def _holds_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _select(table: pa.Table, places: Sequence[int]) -> pa.Table:
    """Some rows of a table, in order; `take` and `filter` do not know every type there is."""
    runs = [[place for _, place in run] for _, run in groupby(enumerate(places), lambda place: place[1] - place[0])]
    return pa.concat_tables([table.slice(0, 0), *(table.slice(run[0], len(run)) for run in runs)])


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """What pyarrow cannot read is an InputError; nothing else than its reading may raise in the context."""
    try:
        yield
    except FileNotFoundError as error:
        raise InputError(f"no such file: {path}") from error
    except (pa.ArrowMemoryError, pa.ArrowCancelled):  # which are no fault of the file
        raise
    except UnicodeDecodeError as error:
        raise DamagedFileError(f"{path}: columns must have names in UTF-8; {error}") from error
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # the system's, which pyarrow's own have none of
            raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
        kind = "that pyarrow can read" if isinstance(error, pa.ArrowNotImplementedError) else "that is whole"
        raise DamagedFileError(f"{path}: must be a Parquet file {kind}; {str(error).splitlines()[0]}") from error
