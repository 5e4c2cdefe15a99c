"""A job from its files to its results, whatever engine does the work in between."""

import errno
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

from secondpass.adapters.lazy import check_model_name
from secondpass.arguments import check_kind, check_path, describe
from secondpass.errors import InputError, InputTypeError
from secondpass.files.whole_files import remove_unfinished
from secondpass.jobs.on_ray.ray_engine import RayEngine
from secondpass.jobs.on_ray.workers import RayWorkers
from secondpass.jobs.planning.job import Job
from secondpass.jobs.planning.plan import divide_job, find_job
from secondpass.jobs.running.engine import Engine, LocalEngine
from secondpass.jobs.running.one_at_a_time import held
from secondpass.jobs.running.results import gather
from secondpass.jobs.scoring.checked_scorer import reads_windows
from secondpass.jobs.settings import JobSettings
from secondpass.jobs.writing.shard_record import ShardRecord
from secondpass.options import ModelOptions
from secondpass.ranking import Scorer

# Told how many rows of shards that were finished before, how many are done, and how many there are.
JobProgress: TypeAlias = Callable[[int, int, int], object]


@dataclass(frozen=True, slots=True)
class JobResult:
    """What is in a job's folder when it is done.

    Args:
        output: The folder.
        scores: What holds the scores: the folder of the shards, or the TREC run made of them.
        n_rows: Rows that were scored.
        n_bad: Rows that could not be scored, or whose pair a run has already; `errors.jsonl` says why.
        n_truncated: Rows that were truncated; None where the scorer does not say.
        n_unranked: Rows without a rank, for their query has rows in several shards.
        n_scattered: How often a query came back after rows of others; such rows are ranked apart. In a run, none are.
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
    model: str | Path | None = None,
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
        scorer: Anything that scores each document by itself, instead of a model. By its `fingerprint()` another one is
            refused where an interrupted job goes on; one that has none, and is no service, is known by its class alone.
        options: How to load the model.
        settings: How files are read and written; None takes every default.
        workers: The processes of a Ray cluster that score; None scores here. Either goes on with a job of the other.
        progress: Told, now and then, of rows: how many were done before, how many are done, how many there are.

    Raises:
        InputError: An argument breaks a rule, nothing can be read, or the folder is another job's, or in use by one.
        MissingExtraError: Parquet is read or written, and pyarrow is not installed; or Ray is not.
        OSError: The output cannot be written. Shards that are finished stay so.
    """
    names = _names(inputs)
    check_path("output", output, optional=False)
    check_model_name(model)
    model_name = None if model is None else str(model)
    check_kind("options", options, ModelOptions)
    check_kind("settings", settings, JobSettings)
    check_kind("workers", workers, RayWorkers)
    options = ModelOptions() if options is None else options
    job, left_out = find_job(
        names,
        Path(output),
        JobSettings() if settings is None else settings,
        windows=reads_windows(scorer, options),
        tag=type(scorer).__name__ if model_name is None else model_name.rstrip("/").rsplit("/", 1)[-1],
    )
    engine = LocalEngine if workers is None else partial(RayEngine, workers=workers)
    return run_job(job, engine(model_name, scorer, options), left_out, progress)


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
    with held(job.output):
        return _run(job, engine, left_out, progress)


def _run(job: Job, engine: Engine, left_out: Iterable[Path], progress: JobProgress | None) -> JobResult:
    started = time.perf_counter()
    job, unreadable = divide_job(job, engine.identity())
    folders = job.output, job.scores_folder, job.records_folder
    remove_unfinished(*folders)
    records = _finished(job)
    if job.settings.strict:
        _check_no_bad_row(job, records)
    n_before = n_done = sum(shard.n_rows for shard in job.shards if shard.number in records)
    n_shards_before = len(records)

    def on_rows(n_rows: int) -> None:
        nonlocal n_done
        n_done += n_rows
        if progress is not None:
            progress(n_before, n_done, job.n_rows)

    on_rows(0)
    to_do = [shard for shard in job.shards if shard.number not in records]
    for _ in engine.score(job, to_do, on_rows):
        pass
    # What is put together is what lies there: a file that is gone would be taken for that of a shard without rows.
    records = _finished(job)
    for shard in job.shards:
        if shard.number not in records:
            raise OSError(
                errno.EIO,
                "a shard and its record must stay as they were written until the job is done: call the job again",
                str(job.shard_path(shard)),
            )
    truncated = [record.n_truncated for record in records.values()]
    gathered = gather(job, unreadable)
    remove_unfinished(*folders)
    return JobResult(
        str(job.output),
        str(gathered.scores),
        sum(record.n_rows for record in records.values()) - gathered.n_twice,
        sum(record.n_bad for record in records.values()) + gathered.n_twice,
        None if None in truncated else sum(filter(None, truncated)) - gathered.n_twice_truncated,
        sum(record.n_unranked for record in records.values()),
        gathered.n_scattered,
        len(records),
        n_shards_before,
        unreadable,
        [str(path) for path in left_out],
        round(time.perf_counter() - started, 3),
    )


def _names(inputs: object) -> list[str | Path]:
    """The names of the input; raise InputError unless they are names."""
    if isinstance(inputs, str | os.PathLike):
        check_path("inputs", inputs)
        inputs = [inputs]
    if isinstance(inputs, bytes) or not isinstance(inputs, Sequence):
        raise InputTypeError(f"inputs must be a path or a list of paths, got {describe(inputs)}")
    for number, name in enumerate(inputs):
        check_path(f"inputs[{number}]", name, optional=False)
    return [name if isinstance(name, str) else Path(name) for name in inputs]


def _finished(job: Job) -> dict[int, ShardRecord]:
    """The records of the shards whose files are all there, by number."""
    found = ((shard.number, job.record_files(shard).read(job.shard_path(shard))) for shard in job.shards)
    return {number: record for number, record in found if record is not None}


def _check_no_bad_row(job: Job, records: Mapping[int, ShardRecord]) -> None:
    """Raise InputError where a finished shard has a row that was not scored."""
    for shard in job.shards:
        if shard.number in records:
            for row in job.record_files(shard).bad():
                raise InputError(f"{job.place(shard, row)}: {row.error}")
