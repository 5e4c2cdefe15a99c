"""Shards on disk: Parquet, JSON lines, TREC runs."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Final

from secondpass.evaluation.reranking import ScoredQuery, run_lines
from secondpass.jobs.carrying import ArrowColumns
from secondpass.jobs.rows import BadRow, JsonObjects, ScoredRows
from secondpass.jobs.settings import JobSettings

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

# Rows of a row group, but for the last one and the few that make it more.
_GROUP_ROWS: Final = 16_384
_GROUP_BYTES: Final = 2**26


class ShardFile(ABC):
    """A shard that is being written.

    Args:
        path: Where it goes.
        settings: The job's, with its output format.
        windows: Whether the best window of each document is written as well.
        tag: What a TREC run says of whose scores these are.
    """

    def __init__(self, path: Path, settings: JobSettings, *, windows: bool, tag: str) -> None:
        self._path = path
        self._settings = settings
        self._windows = windows
        self._columns = settings.result_columns(windows=windows)
        self._tag = tag

    @property
    def is_there(self) -> bool:
        """Whether there is a file: of some formats there is none without a row."""
        return True

    @abstractmethod
    def write(self, rows: ScoredRows) -> list[BadRow]:
        """Write rows, those of a query in a row; those that are given back have no place in such a file."""

    @abstractmethod
    def close(self) -> None:
        """Write what is left, and close the file."""


def shard_file(path: Path, settings: JobSettings, *, windows: bool, tag: str) -> ShardFile:
    """The file of a shard, of the job's output format."""
    kinds: dict[str | None, type[ShardFile]] = {"parquet": _ParquetFile, "jsonl": _JsonLinesFile, "trec": _RunFile}
    return kinds[settings.output_format](path, settings, windows=windows, tag=tag)


class _ParquetFile(ShardFile):
    _writer: "pq.ParquetWriter | None" = None

    def __init__(self, path: Path, settings: JobSettings, *, windows: bool, tag: str) -> None:
        super().__init__(path, settings, windows=windows, tag=tag)
        self._tables: list[pa.Table] = []

    @property
    def is_there(self) -> bool:
        return self._writer is not None

    def write(self, rows: ScoredRows) -> list[BadRow]:
        self._tables.append(self._table(rows))
        if sum(table.num_rows for table in self._tables) >= _GROUP_ROWS or (
            sum(table.nbytes for table in self._tables) >= _GROUP_BYTES
        ):
            self._write_group()
        return []

    def close(self) -> None:
        self._write_group()
        if self._writer is not None:
            self._writer.close()

    def _write_group(self) -> None:
        import pyarrow as pa  # noqa: PLC0415 - text needs none
        import pyarrow.parquet as pq  # noqa: PLC0415 - likewise

        if not self._tables:
            return
        group = pa.concat_tables(self._tables)
        self._tables = []
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, group.schema)
        self._writer.write_table(group, row_group_size=group.num_rows)

    def _table(self, rows: ScoredRows) -> "pa.Table":
        import pyarrow as pa  # noqa: PLC0415 - as above

        carried = rows.rows.carried
        assert isinstance(carried, ArrowColumns)  # noqa: S101 - `Carrier` and `ShardFile` are chosen by one setting
        new = [
            pa.array(rows.scores, pa.float32()),
            pa.array(rows.ranks, pa.int32(), mask=rows.ranks == 0),
            pa.array(rows.truncated, pa.bool_()),
        ]
        if self._windows:
            new += [
                pa.array([None if p is None else p.start for p in rows.passages], pa.int64()),
                pa.array([None if p is None else p.end for p in rows.passages], pa.int64()),
                pa.array([None if p is None else p.score for p in rows.passages], pa.float32()),
            ]
        table = carried.table
        for name, column in zip(self._columns, new, strict=True):
            table = table.append_column(name, column)
        return table


class _TextFile(ShardFile):
    def __init__(self, path: Path, settings: JobSettings, *, windows: bool, tag: str) -> None:
        super().__init__(path, settings, windows=windows, tag=tag)
        self._file: TextIOWrapper = path.open("w", encoding="utf-8", errors="backslashreplace")

    def close(self) -> None:
        self._file.close()


class _JsonLinesFile(_TextFile):
    def write(self, rows: ScoredRows) -> list[BadRow]:
        for number, values in enumerate(_objects(rows)):
            new: list[object] = [
                float(rows.scores[number]),
                int(rows.ranks[number]) or None,
                rows.truncated[number],
            ]
            if self._windows:
                passage = rows.passages[number]
                new += (None,) * 3 if passage is None else (passage.start, passage.end, passage.score)
            line = {**values, **dict(zip(self._columns, new, strict=True))}
            self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
        return []


class _RunFile(_TextFile):
    def __init__(self, path: Path, settings: JobSettings, *, windows: bool, tag: str) -> None:
        super().__init__(path, settings, windows=windows, tag=tag)
        self._query = ""
        self._scores: dict[str, float] = {}

    def write(self, rows: ScoredRows) -> list[BadRow]:
        twice = []
        for number, values in enumerate(_objects(rows)):
            query, document = (
                str(values[column]) for column in (self._settings.query_id_column, self._settings.document_id_column)
            )
            if query != self._query:
                self._write_query()
                self._query = query
            if document in self._scores:
                error = f"a document must appear once per query, {document!r} appears again for {query!r}"
                twice.append(BadRow(rows.rows.numbers[number], error))
            else:
                self._scores[document] = float(rows.scores[number])
        return twice

    def close(self) -> None:
        self._write_query()
        super().close()

    def _write_query(self) -> None:
        query = ScoredQuery(self._query, tuple(self._scores), tuple(self._scores.values()), 0.0)
        self._file.writelines(run_lines(query, depth=len(self._scores), tag=self._tag))
        self._scores = {}


def _objects(rows: ScoredRows) -> Sequence[Mapping[str, object]]:
    carried = rows.rows.carried
    assert isinstance(carried, JsonObjects)  # noqa: S101 - `Carrier` and `ShardFile` are chosen by one setting
    return carried.objects
