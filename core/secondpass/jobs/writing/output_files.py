"""Shards on disk: Parquet, JSON lines, the pairs of a TREC run."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Final

from secondpass.jobs.carrying.to_arrow import ArrowColumns
from secondpass.jobs.carrying.to_objects import as_json
from secondpass.jobs.rows import JsonObjects, ScoredRows
from secondpass.jobs.settings import JobSettings
from secondpass.jobs.writing.trec_run import ScoredPair

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
    """

    def __init__(self, path: Path, settings: JobSettings, *, windows: bool) -> None:
        self._path = path
        self._settings = settings
        self._windows = windows
        self._columns = settings.result_columns(windows=windows)

    @abstractmethod
    def write(self, rows: ScoredRows) -> None:
        """Write rows."""

    @abstractmethod
    def close(self) -> None:
        """Write what is left, and close the file, which is empty where there was no row."""


def shard_file(path: Path, settings: JobSettings, *, windows: bool) -> ShardFile:
    """The file of a shard, of the job's output format."""
    kinds: dict[str | None, type[ShardFile]] = {"parquet": _ParquetFile, "jsonl": _JsonLinesFile, "trec": _PairsFile}
    return kinds[settings.output_format](path, settings, windows=windows)


class _ParquetFile(ShardFile):
    _writer: "pq.ParquetWriter | None" = None

    def __init__(self, path: Path, settings: JobSettings, *, windows: bool) -> None:
        super().__init__(path, settings, windows=windows)
        path.touch()
        self._tables: list[pa.Table] = []

    def write(self, rows: ScoredRows) -> None:
        self._tables.append(self._table(rows))
        if sum(table.num_rows for table in self._tables) >= _GROUP_ROWS or (
            sum(table.nbytes for table in self._tables) >= _GROUP_BYTES
        ):
            self._write_group()

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

        carried, passages = rows.rows.carried, rows.readings.passages
        assert isinstance(carried, ArrowColumns)  # noqa: S101 - `Carrier` and `ShardFile` are chosen by one setting
        new = [
            pa.array(rows.readings.scores, pa.float32()),
            pa.array(rows.ranks, pa.int32(), mask=rows.ranks == 0),
            pa.array(rows.readings.truncated, pa.bool_()),
        ]
        if self._windows:
            new += [
                pa.array([None if p is None else p.start for p in passages], pa.int64()),
                pa.array([None if p is None else p.end for p in passages], pa.int64()),
                pa.array([None if p is None else p.score for p in passages], pa.float32()),
            ]
        table = carried.table
        for name, column in zip(self._columns, new, strict=True):
            table = table.append_column(name, column)
        return table


class _TextFile(ShardFile):
    def __init__(self, path: Path, settings: JobSettings, *, windows: bool) -> None:
        super().__init__(path, settings, windows=windows)
        self._file: TextIOWrapper = path.open("w", encoding="utf-8", errors="backslashreplace")

    def close(self) -> None:
        self._file.close()


class _JsonLinesFile(_TextFile):
    def write(self, rows: ScoredRows) -> None:
        readings = rows.readings
        scores, truncated = readings.scores.tolist(), readings.truncated.tolist()
        for number, values in enumerate(_objects(rows)):
            new: list[object] = [scores[number], int(rows.ranks[number]) or None, truncated[number]]
            if self._windows:
                passage = readings.passages[number]
                new += (None,) * 3 if passage is None else (passage.start, passage.end, passage.score)
            line = {**values, **dict(zip(self._columns, new, strict=True))}
            self._file.write(_dumps(line) + "\n")


class _PairsFile(_TextFile):
    def write(self, rows: ScoredRows) -> None:
        columns = self._settings.query_id_column, self._settings.document_id_column
        readings = rows.readings
        scores, truncated = readings.scores.tolist(), readings.truncated.tolist()
        tie_breakers = readings.tie_breakers.tolist()
        for number, values in enumerate(_objects(rows)):
            query, document = (str(values[column]) for column in columns)
            pair = ScoredPair(
                rows.rows.numbers[number], query, document, scores[number], truncated[number], tie_breakers[number]
            )
            self._file.write(json.dumps(asdict(pair), ensure_ascii=False) + "\n")


def _dumps(line: Mapping[str, object]) -> str:
    try:
        return json.dumps(line, ensure_ascii=False, allow_nan=False)
    except ValueError:  # an infinite score, or a number beyond double precision
        return json.dumps(as_json(line), ensure_ascii=False)


def _objects(rows: ScoredRows) -> Sequence[Mapping[str, object]]:
    carried = rows.rows.carried
    assert isinstance(carried, JsonObjects)  # noqa: S101 - `Carrier` and `ShardFile` are chosen by one setting
    return carried.objects
