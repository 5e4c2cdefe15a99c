"""A job as a value that travels: what is read, how it is divided, and where it goes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from secondpass.jobs.carrying.carrier import Carrier
from secondpass.jobs.carrying.to_arrow import ToArrow
from secondpass.jobs.carrying.to_objects import ToObjects
from secondpass.jobs.inputs.file_digest import FileDigest
from secondpass.jobs.inputs.find_inputs import Kind, Partition
from secondpass.jobs.inputs.input_file import InputFile
from secondpass.jobs.inputs.row_reader import RowReader
from secondpass.jobs.inputs.run_texts import RunTextFiles
from secondpass.jobs.inputs.text_input import TextInput
from secondpass.jobs.planning.manifest import FOLDERS
from secondpass.jobs.rows import BadRow
from secondpass.jobs.settings import JobSettings
from secondpass.jobs.shards import Shard
from secondpass.jobs.writing.shard_record import RecordFiles

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Job:
    """What is scored, and where it goes.

    Args:
        files: The input, in order.
        partitions: The columns that the names of each one's folders say.
        kind: Its format.
        settings: How it is read and written, with the format of the output.
        output: The folder of everything that is written.
        windows: Whether long documents are read in windows, whose best one is written.
        tag: What a TREC run says of whose scores these are.
        id: Of `Manifest`; none before the job is divided.
        shards: All parts of it, in order.
        digests: Of the files that could be read when it began, by their numbers.
        run_texts: The files of a TREC run's queries and documents; None for other input.
        schema: The columns that text has in Parquet; None where it does not become any.
    """

    files: tuple[Path, ...]
    partitions: tuple[Partition, ...]
    kind: Kind
    settings: JobSettings
    output: Path
    windows: bool
    tag: str
    id: str = ""
    shards: tuple[Shard, ...] = ()
    digests: Mapping[int, FileDigest] = field(default_factory=dict)
    run_texts: RunTextFiles | None = None
    schema: "pa.Schema | None" = field(default=None, repr=False)

    @property
    def scores_folder(self) -> Path:
        """Where the shards are."""
        return self.output / FOLDERS[0]

    @property
    def records_folder(self) -> Path:
        """Where it is written which of them are finished."""
        return self.output / FOLDERS[1]

    @property
    def n_rows(self) -> int:
        """Rows of all shards."""
        return sum(shard.n_rows for shard in self.shards)

    @property
    def writes_run(self) -> bool:
        """Whether a TREC run is made of all shards, and ranks are given there."""
        return self.settings.output_format == "trec"

    def shard_path(self, shard: Shard) -> Path:
        """The file of a shard; of a run's pairs it is JSON lines."""
        ending = "jsonl" if self.writes_run else self.settings.output_format
        return self.scores_folder / f"{shard.name}.{ending}"

    def record_files(self, shard: Shard) -> RecordFiles:
        """The files that say that a shard is finished, and what came of it."""
        return RecordFiles(self.records_folder / f"{shard.name}.json", self.id)

    def place(self, shard: Shard, row: BadRow) -> str:
        """A row as errors call it: `file:row`."""
        return f"{self.files[shard.file]}:{row.number}"

    def open(self, file: int) -> InputFile:
        """An input file by its number.

        Raises:
            InputError: It cannot be opened, or lacks a column.
        """
        path, partition = self.files[file], self.partitions[file]
        # A run has no columns.
        written = frozenset() if self.writes_run else frozenset(self.settings.result_columns(windows=self.windows))
        if self.kind == "parquet":
            from secondpass.jobs.inputs.parquet_input import ParquetInput  # noqa: PLC0415 - text needs no pyarrow

            return ParquetInput(path, RowReader(self.settings, written), self._carrier(), partition)
        texts = None if self.run_texts is None else self.run_texts.texts
        return TextInput(path, self.kind, RowReader(self.settings, written, texts), self._carrier(), partition)

    def _carrier(self) -> Carrier:
        if self.writes_run:
            return ToObjects(only=frozenset({self.settings.query_id_column, self.settings.document_id_column}))
        left_out = frozenset() if self.settings.keep_texts else self.settings.text_columns
        if self.settings.output_format == "parquet":
            return ToArrow(left_out, self.schema)
        return ToObjects(left_out)
