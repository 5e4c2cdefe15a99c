"""What is put together once all shards are there: the list of what was not scored, and the run."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from heapq import merge
from pathlib import Path
from typing import Final

from secondpass.errors import InputError
from secondpass.files.whole_files import UNFINISHED, writing_to, written_whole
from secondpass.jobs.planning.job import Job
from secondpass.jobs.rows import BadRow
from secondpass.jobs.shards import Shard
from secondpass.jobs.writing.ranks import count_scattered
from secondpass.jobs.writing.trec_run import RunTable, ScoredPair, scored_pairs

_ERRORS: Final = "errors.jsonl"
_RUN: Final = "run.trec"


@dataclass(frozen=True, slots=True)
class Gathered:
    """What is known of all shards together.

    Args:
        scores: What holds the scores: the folder of the shards, or the TREC run made of them.
        n_twice: Rows of a run whose query and document another row has as well: they were scored, and are left out.
        n_twice_truncated: How many of these were truncated.
        n_scattered: How often a query came back after rows of others, where ranks depend on that.
    """

    scores: Path
    n_twice: int = 0
    n_twice_truncated: int = 0
    n_scattered: int = 0


def gather(job: Job, unreadable: Mapping[str, str]) -> Gathered:
    """Write what is made of all shards: `errors.jsonl` where there are any, and the run of a job that makes one.

    Args:
        job: Whose shards are all finished.
        unreadable: Why input files were left out, by name.

    Raises:
        InputError: A run has a pair twice, and the job is strict.
        OSError: The output cannot be written.
    """
    if not job.writes_run:
        rows = ((shard, row) for shard in job.shards for row in job.record_files(shard).bad())
        _write_errors(job, rows, unreadable)
        stretches = ((job.record_files(shard).stretches(), shard.continues) for shard in job.shards)
        return Gathered(job.scores_folder, n_scattered=count_scattered(stretches))
    with closing(RunTable(job.output / f".{_RUN}.pairs{UNFINISHED}")) as table:
        twice: list[int] = []  # whether each was truncated
        _write_errors(job, _errors_of_run(job, table, twice), unreadable)
        path = job.output / _RUN
        with written_whole(path) as unfinished, writing_to(path), unfinished.open("w", encoding="utf-8") as file:
            file.writelines(table.lines(job.tag))
    return Gathered(path, len(twice), sum(twice))


def _errors_of_run(job: Job, table: RunTable, twice: list[int]) -> Iterator[tuple[Shard, BadRow]]:
    """The rows that are in no run, while the table takes in the others."""
    for shard in job.shards:
        again = (_again(job, shard, pair, twice) for pair in table.add(scored_pairs(job.shard_path(shard))))
        for row in merge(job.record_files(shard).bad(), again, key=lambda row: row.number):
            yield shard, row


def _again(job: Job, shard: Shard, pair: ScoredPair, twice: list[int]) -> BadRow:
    """The error of a pair that is in the run already."""
    twice.append(bool(pair.truncated))
    row = BadRow(pair.row, f"a document must appear once per query, {pair.document!r} appears again for {pair.query!r}")
    if job.settings.strict:
        raise InputError(f"{job.place(shard, row)}: {row.error}")
    return row


def _write_errors(job: Job, rows: Iterable[tuple[Shard, BadRow]], unreadable: Mapping[str, str]) -> None:
    """One line for each row and each file that was not read, and no file where there are none."""
    path = job.output / _ERRORS
    with written_whole(path, empty=False) as unfinished:
        with writing_to(path):
            file = unfinished.open("w", encoding="utf-8", errors="backslashreplace")
        try:
            for line in _lines(job, rows, unreadable):
                with writing_to(path):
                    file.write(json.dumps(line, ensure_ascii=False) + "\n")
        finally:
            with writing_to(path):  # the last lines are written only now
                file.close()


def _lines(
    job: Job, rows: Iterable[tuple[Shard, BadRow]], unreadable: Mapping[str, str]
) -> Iterator[dict[str, object]]:
    for name, error in unreadable.items():
        yield {"file": name, "row": None, "error": error}
    for shard, row in rows:
        yield {"file": str(job.files[shard.file]), "row": row.number, "error": row.error}
