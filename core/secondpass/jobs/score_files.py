"""A job from its files to its results, whatever engine does the work in between."""

import json
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from secondpass.jobs.engine import Engine, LocalEngine
from secondpass.jobs.job import Job, forget_texts
from secondpass.jobs.on_ray import RayEngine, RayWorkers
from secondpass.jobs.one_at_a_time import held
from secondpass.jobs.plan import divide_job, find_job
from secondpass.jobs.score_shard import ShardRecord
from secondpass.jobs.settings import JobSettings
from secondpass.jobs.shards import Shard
from secondpass.jobs.whole_files import remove_unfinished, writing_to, written_whole
from secondpass.options import ModelOptions
from secondpass.ranking import Scorer

if TYPE_CHECKING:
    import os

# Told how many rows of shards that were finished before, how many are done, and how many there are.
JobProgress: TypeAlias = Callable[[int, int, int], object]

_ERRORS: Final = "errors.jsonl"
_RUN: Final = "run.trec"


@dataclass(frozen=True, slots=True)
class JobResult:
    """What is in a job's folder when it is done.

    Args:
        output: The folder.
        scores: What holds the scores: the folder of the shards, or the TREC run made of them.
        n_rows: Rows that were scored.
        n_bad: Rows that could not be scored; `errors.jsonl` says why.
        n_truncated: Rows that were truncated; None where the scorer does not say.
        n_unranked: Rows without a rank, for their query has rows in several shards.
        n_scattered: How often a query came back within a shard after rows of others; such rows are ranked apart.
        n_shards: Shards, one file each.
        n_shards_before: How many of them had been finished before.
        unreadable: Why input files were left out, by name; `errors.jsonl` has them, too.
        left_out: Files of the input's folders whose names say nothing that is read.
        seconds: Wall-clock time that it took this time, without loading the model.
    """

    output: str
    scores: str
    n_rows: int
    n_bad: int
    n_truncated: int | None
    n_unranked: int
    n_scattered: int
    n_shards: int
    n_shards_before: int
    unreadable: Mapping[str, str]
    left_out: Sequence[str]
    seconds: float

    def as_json(self) -> dict[str, object]:
        """It as JSON holds it."""
        return asdict(self)


def score_files(
    inputs: "str | os.PathLike[str] | Sequence[str | os.PathLike[str]]",
    output: "str | os.PathLike[str]",
    *,
    model: str | None = None,
    scorer: Scorer | None = None,
    options: ModelOptions | None = None,
    settings: JobSettings | None = None,
    workers: RayWorkers | None = None,
    progress: JobProgress | None = None,
) -> JobResult:
    """Score the pairs of files, and write their scores to a folder, from which an interrupted job goes on.

    Args:
        inputs: Files, folders and patterns (`data/*.parquet`): Parquet, JSON lines, CSV, TSV, or TREC runs.
        output: The folder for everything that is written: a new one, or that of the same job.
        model: Hub id, local folder, the name of a bundled model, or the http(s) URL of a service.
        scorer: Anything that scores each document by itself, instead of a model.
        options: How to load the model.
        settings: How files are read and written; None takes every default.
        workers: The processes of a Ray cluster that score; None scores here. Either goes on with a job of the other.
        progress: Told, now and then, of rows: how many were done before, how many are done, how many there are.

    Raises:
        InputError: An argument breaks a rule, nothing can be read, or the folder is another job's, or in use by one.
        MissingExtraError: Parquet is read or written, and pyarrow is not installed; or Ray is not.
        OSError: The output cannot be written. Shards that are finished stay so.
    """
    names = [inputs] if not isinstance(inputs, Sequence) or isinstance(inputs, str) else inputs
    options = ModelOptions() if options is None else options
    tag = type(scorer).__name__ if model is None else model.rstrip("/").rsplit("/", 1)[-1]
    job, left_out = find_job(
        [Path(name) if not isinstance(name, str) else name for name in names],
        Path(output),
        JobSettings() if settings is None else settings,
        windows="windows" in (options.long_documents, getattr(scorer, "long_documents", None)),
        tag=tag,
    )
    engine = LocalEngine if workers is None else partial(RayEngine, workers=workers)
    return run_job(job, engine(model, scorer, options), left_out, progress)


def run_job(job: Job, engine: Engine, left_out: Iterable[Path], progress: JobProgress | None) -> JobResult:
    """Do what is left to do of a job, and put its results together.

    Args:
        job: As `find_job` gives it.
        engine: What scores.
        left_out: Files that were found and are not read.
        progress: See `score_files`.

    Raises:
        InputError: As `score_files`, or another job writes to the folder.
        OSError: As `score_files`.
    """
    try:
        with held(job.output):
            return _run(job, engine, left_out, progress)
    finally:
        forget_texts()


def _run(job: Job, engine: Engine, left_out: Iterable[Path], progress: JobProgress | None) -> JobResult:
    started = time.perf_counter()
    job, unreadable = divide_job(job, engine.identity())
    records = {shard.number: record for shard in job.shards if (record := _finished(job, shard)) is not None}
    n_before = n_done = sum(shard.n_rows for shard in job.shards if shard.number in records)
    n_shards_before = len(records)

    def on_rows(n_rows: int) -> None:
        nonlocal n_done
        n_done += n_rows
        if progress is not None:
            progress(n_before, n_done, job.n_rows)

    on_rows(0)
    to_do = [shard for shard in job.shards if shard.number not in records]
    for record in engine.score(job, to_do, on_rows):
        records[record.number] = record
    in_order = [records[shard.number] for shard in job.shards]
    truncated = [record.n_truncated for record in in_order]
    _write_errors(job, in_order, unreadable)
    return JobResult(
        str(job.output),
        str(_join_run(job) if job.settings.output_format == "trec" else job.scores_folder),
        sum(record.n_rows for record in in_order),
        sum(record.n_bad for record in in_order),
        None if None in truncated else sum(number for number in truncated if number is not None),
        sum(record.n_unranked for record in in_order),
        sum(record.n_scattered for record in in_order),
        len(in_order),
        n_shards_before,
        unreadable,
        [str(path) for path in left_out],
        round(time.perf_counter() - started, 3),
    )


def _finished(job: Job, shard: Shard) -> ShardRecord | None:
    """What came of a shard; None where that is still to be found out."""
    try:
        record = ShardRecord.from_json(json.loads(job.record_path(shard).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    path = job.shard_path(shard)
    n_bytes = path.stat().st_size if path.exists() else 0
    return record if n_bytes == record.n_bytes else None


def _write_errors(job: Job, records: Sequence[ShardRecord], unreadable: Mapping[str, str]) -> None:
    """One line for each row and each file that was not read, and no file where there are none."""
    for folder in (job.output, job.scores_folder, job.records_folder):
        remove_unfinished(folder)
    files = {shard.number: str(job.files[shard.file]) for shard in job.shards}
    lines: list[dict[str, object]] = [{"file": path, "row": None, "error": error} for path, error in unreadable.items()]
    for record in records:
        lines += [{"file": files[record.number], "row": row.number, "error": row.error} for row in record.bad]
    path = job.output / _ERRORS
    with written_whole(path) as unfinished, writing_to(path):
        if lines:
            with unfinished.open("w", encoding="utf-8", errors="backslashreplace") as file:
                file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def _join_run(job: Job) -> Path:
    """All shards of a TREC run in one file."""
    path = job.output / _RUN
    with written_whole(path) as unfinished, writing_to(path), unfinished.open("wb") as file:
        for shard in job.shards:
            with job.shard_path(shard).open("rb") as part:
                shutil.copyfileobj(part, file)
    return path
