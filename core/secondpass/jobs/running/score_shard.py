"""One shard from its rows to its file: what every engine does, in whatever process."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from secondpass.concurrency.read_ahead import read_ahead
from secondpass.errors import InputError
from secondpass.files.whole_files import writing_to, written_whole
from secondpass.jobs.inputs.file_digest import unchanged
from secondpass.jobs.inputs.input_file import DamagedFileError, InputFile
from secondpass.jobs.planning.job import Job
from secondpass.jobs.planning.manifest import check_current
from secondpass.jobs.rows import BadRow, RowBlock, Rows, ScoredRows
from secondpass.jobs.scoring.attempts import Attempts
from secondpass.jobs.shards import Shard
from secondpass.jobs.writing.output_files import ShardFile, shard_file
from secondpass.jobs.writing.ranks import Ranker
from secondpass.jobs.writing.shard_record import ShardRecord
from secondpass.ranking import Pair, Scorer


class ShardScorer:
    """Scores shards of a job, one after the other.

    Args:
        job: What to do.
        scorer: With whom.
    """

    def __init__(self, job: Job, scorer: Scorer) -> None:
        self._job = job
        self._attempts = Attempts(scorer, passages=job.windows)
        self._opened: tuple[int, InputFile] | None = None
        self._digests = dict(job.digests)

    def score(self, shard: Shard, on_rows: Callable[[int], object] = lambda _: None) -> ShardRecord:
        """Score a shard, write its file, and then its record.

        Args:
            shard: One of the job.
            on_rows: Told how many rows more are done, now and then.

        Raises:
            InputError: A row cannot be scored, and the job is strict; the file cannot be read now, or has changed since
                the job began; or the folder is another job's now.
            OSError: The output cannot be written.
            Exception: The scorer fails, and not for single rows.
        """
        job = self._job
        path = job.shard_path(shard)
        with written_whole(path, empty=False) as unfinished:
            with writing_to(path):
                file = shard_file(unfinished, job.settings, windows=job.windows)
            shard_run = _ShardRun(job, shard, file, on_rows)
            try:
                shard_run.score(self._attempts, read_ahead(self._blocks(shard)))
            finally:
                with writing_to(path):
                    file.close()
            with writing_to(path):
                n_bytes = unfinished.stat().st_size  # raises where somebody has removed it
            check_current(job.output, job.id)
            self._check_unchanged(shard.file)
        bad, stretches = sorted(shard_run.bad, key=lambda row: row.number), shard_run.stretches
        record = ShardRecord(
            job.id,
            shard.number,
            shard_run.n_rows,
            sum(row.n_rows for row in bad),
            shard_run.n_truncated,
            shard_run.n_unranked,
            len(stretches),
            n_bytes,
        )
        job.record_files(shard).write(record, bad, stretches)
        return record

    def _blocks(self, shard: Shard) -> Iterator[RowBlock]:
        if self._opened is None or self._opened[0] != shard.file:
            self._check_unchanged(shard.file)
            self._opened = shard.file, self._job.open(shard.file)
        return self._opened[1].blocks(shard)

    def _check_unchanged(self, file: int) -> None:
        self._digests[file] = unchanged(self._job.files[file], self._digests[file])


class _ShardRun:
    """A shard while it is scored."""

    def __init__(self, job: Job, shard: Shard, file: ShardFile, on_rows: Callable[[int], object]) -> None:
        self._job = job
        self._shard = shard
        self._file = file
        self._on_rows = on_rows
        self._ranker = None if job.writes_run else Ranker(shard)
        self._waiting: deque[Rows] = deque()
        self._n_read = self._n_told = 0
        self.bad: list[BadRow] = []
        self.n_rows = self.n_unranked = 0
        self.n_truncated: int | None = 0

    @property
    def stretches(self) -> NDArray[np.uint64]:
        """See `Ranker`; none where no ranks are given."""
        return np.empty(0, np.uint64) if self._ranker is None else self._ranker.stretches

    def score(self, attempts: Attempts, blocks: Iterator[RowBlock]) -> None:
        """Score the rows and write them."""
        for part in attempts.stream(self._pairs(blocks)):
            if isinstance(part, str):
                (rows,) = self._next_rows(1)
                self._add_bad([BadRow(rows.numbers[0], part, key=rows.keys[0])])
                self._on_rows(1)
                continue
            start = 0
            for rows in self._next_rows(len(part)):
                stop = start + len(rows)
                scored = ScoredRows(rows, part.slice(start, stop), np.zeros(len(rows), np.int32))
                self._write([scored] if self._ranker is None else self._ranker.push(scored, self._newly_bad()))
                start = stop
            self._on_rows(start)
        if self._ranker is not None:
            self._write(self._ranker.finish(self._newly_bad()))

    def _pairs(self, blocks: Iterator[RowBlock]) -> Iterator[Pair]:
        """The texts of all rows; the rows wait until these are scored."""
        try:
            for block in blocks:
                self._add_bad(block.bad)
                self._on_rows(len(block.bad))
                self._n_read += len(block.rows) + len(block.bad)
                if block.rows:
                    self._waiting.append(block.rows)
                yield from zip(block.rows.queries, block.rows.documents, strict=True)
        except DamagedFileError as error:  # of any other error the file may have recovered when the job goes on
            if self._job.settings.strict:
                raise
            missing = self._shard.n_rows - self._n_read
            at = self._shard.first_row + self._n_read + 1
            self.bad.append(BadRow(at, f"{missing} rows from here on were not scored: {error}", missing))
            self._on_rows(missing)

    def _next_rows(self, n_rows: int) -> Iterator[Rows]:
        """The rows that have waited longest, in the pieces in which they were read."""
        while n_rows:
            rows = self._waiting.popleft()
            if len(rows) > n_rows:
                self._waiting.appendleft(rows.slice(n_rows, len(rows)))
                rows = rows.slice(0, n_rows)
            n_rows -= len(rows)
            yield rows

    def _write(self, pieces: Iterable[ScoredRows]) -> None:
        for rows in pieces:
            with writing_to(self._job.shard_path(self._shard)):
                self._file.write(rows)
            self.n_rows += len(rows)
            if self._ranker is not None:
                self.n_unranked += int((rows.ranks == 0).sum())
            if self.n_truncated is not None:
                known = [truncated for truncated in rows.readings.truncated.tolist() if truncated is not None]
                self.n_truncated = None if len(known) < len(rows) else self.n_truncated + sum(known)

    def _newly_bad(self) -> list[BadRow]:
        """The bad rows that the ranker has not been told of."""
        rows = self.bad[self._n_told :]
        self._n_told += len(rows)
        return rows

    def _add_bad(self, rows: Sequence[BadRow]) -> None:
        if rows and self._job.settings.strict:
            raise InputError(f"{self._job.place(self._shard, rows[0])}: {rows[0].error}")
        self.bad += rows
