"""A job's beginning: the input is looked through once and divided, or an earlier job is found again."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from secondpass.errors import InputError
from secondpass.extras import require
from secondpass.ir_files.folder import text_files
from secondpass.jobs.carrying.common_schema import common_schema
from secondpass.jobs.carrying.to_arrow import schema_of
from secondpass.jobs.inputs.file_digest import FileDigest, file_digest, unchanged
from secondpass.jobs.inputs.find_inputs import Kind, find_inputs
from secondpass.jobs.inputs.run_texts import RunTextFiles
from secondpass.jobs.inputs.text_input import TextInput
from secondpass.jobs.planning.job import Job
from secondpass.jobs.planning.manifest import InputState, Manifest, read_manifest
from secondpass.jobs.settings import JobSettings, OutputFormat
from secondpass.jobs.shards import Shard

if TYPE_CHECKING:
    import pyarrow as pa

# What becomes of input where nobody says.
_OUTPUT_FORMATS: Mapping[Kind, OutputFormat] = {"parquet": "parquet", "trec": "trec"}


def find_job(
    inputs: Sequence[str | Path], output: Path, settings: JobSettings, *, windows: bool, tag: str
) -> tuple[Job, Sequence[Path]]:
    """The job that files and settings mean, not yet divided; and the files of folders that are left out.

    Raises:
        InputError: Files are not there, or of no format that is read; or the output is neither new nor a job's.
        MissingExtraError: Parquet is read or written, and pyarrow is not installed.
    """
    read_manifest(output)
    found = find_inputs(inputs, output)
    output_format = settings.output_format or _OUTPUT_FORMATS.get(found.kind, "jsonl")
    settings = replace(settings, output_format=output_format)
    texts = None
    if found.kind == "trec":
        _check_defaults(settings)
        folders = {path.parent.absolute(): path.parent for path in found.files}
        if len(folders) > 1 and None in (settings.queries, settings.corpus):
            some = " and ".join(map(str, list(folders.values())[:2]))
            raise InputError(f"queries and corpus must be given where runs are in several folders, got runs in {some}")
        queries, corpus = (None if path is None else Path(path) for path in (settings.queries, settings.corpus))
        texts = RunTextFiles(*text_files(found.files[0].parent, queries=queries, corpus=corpus))
    elif settings.queries is not None or settings.corpus is not None:
        raise InputError(f"queries and corpus must come with a TREC run, got {found.files[0]}")
    if output_format == "trec" and settings.result_prefix:
        raise InputError(
            f"result_prefix must be left out of a TREC run, which has no columns, got {settings.result_prefix!r}"
        )
    if "parquet" in (found.kind, output_format):
        require("pyarrow", feature="reading and writing Parquet", extra="jobs")
    return Job(
        found.files, found.partitions, found.kind, settings, output, windows, tag, run_texts=texts
    ), found.left_out


def _check_defaults(settings: JobSettings) -> None:
    """Raise InputError where a TREC run's columns are called anything: those of a run have no names."""
    defaults = JobSettings()
    names = ("query_column", "document_column", "query_id_column", "document_id_column")
    given = [name for name in names if getattr(settings, name) != getattr(defaults, name)]
    if given:
        raise InputError(f"{', '.join(given)} must be left out for a TREC run, whose columns have no names")


def divide_job(job: Job, model: Mapping[str, object]) -> tuple[Job, Mapping[str, str]]:
    """The job with its shards, as its folder has them, or else as they are found now and written there.

    Args:
        job: As `find_job` gives it.
        model: What its scores depend on, by name.

    Returns:
        And why input files are left out, by name.

    Raises:
        InputError: The folder is another job's, or no file can be read; or one cannot, and the job is strict; or one
            changes meanwhile.
    """
    states, digests = _states(job)
    job, of_texts = _with_digests(job, digests)
    found = Manifest(uuid4().hex, model, job.settings.as_json(), [*states, *of_texts], ())
    before = read_manifest(job.output)
    if before is not None:
        before.check_same(job.output, found)
        states = list(before.inputs)[: len(states)]
        shards = tuple(before.shards)
    else:
        shards, states = _divide(job, states)
    unreadable = {state.path: state.error for state in states if state.error is not None}
    for path, error in unreadable.items():
        if job.settings.strict or len(unreadable) == len(states):
            raise InputError(error if path in error else f"{path}: {error}")
    # By what is left of the files: when the job goes on, the manifest knows no others.
    job = replace(_with_schema(job, states), id=(before or found).job, shards=shards)
    if before is None:
        for number, digest in digests.items():
            unchanged(job.files[number], digest)  # since it was divided
    for folder in (job.scores_folder, job.records_folder):
        folder.mkdir(parents=True, exist_ok=True)
    if before is None:
        replace(found, inputs=[*states, *of_texts], shards=shards).write(job.output)
    return job, unreadable


def _states(job: Job) -> tuple[list[InputState], dict[int, FileDigest]]:
    """What is found of each file, and the digests of those that can be read."""
    states: list[InputState] = []
    digests: dict[int, FileDigest] = {}
    for number, (path, partition) in enumerate(zip(job.files, job.partitions, strict=True)):
        try:
            digest = digests[number] = file_digest(path)
        except InputError as error:
            states.append(InputState(str(path), None, str(error), partition))
        else:
            states.append(InputState(str(path), digest.sha256, partition=partition))
    return states, digests


def _with_digests(job: Job, digests: Mapping[int, FileDigest]) -> tuple[Job, list[InputState]]:
    """The job with the digests of its files and of a run's texts, and what is found of these."""
    job = replace(job, digests=digests)
    if job.run_texts is None:
        return job, []
    texts = job.run_texts.queries, job.run_texts.documents
    of_texts = tuple(map(file_digest, texts))
    states = [InputState(str(path), digest.sha256) for path, digest in zip(texts, of_texts, strict=True)]
    return replace(job, run_texts=replace(job.run_texts, digests=of_texts)), states


def _divide(job: Job, states: Sequence[InputState]) -> tuple[tuple[Shard, ...], list[InputState]]:
    """All shards of the files that can be read to their end, and what was found of each file."""
    shards: list[Shard] = []
    found = []
    for number, state in enumerate(states):
        if state.error is None:
            try:
                shards += list(job.open(number).divide(number, len(shards)))
            except InputError as error:
                state = replace(state, error=str(error))  # noqa: PLW2901 - what is known of the file now
        found.append(state)
    return tuple(shards), found


def _with_schema(job: Job, states: Sequence[InputState]) -> Job:
    """The job with its columns in Parquet: those of all files of Parquet, or of the first rows of text."""
    if job.settings.output_format != "parquet":
        return job
    left_out = frozenset() if job.settings.keep_texts else job.settings.text_columns
    paths = [(number, job.files[number]) for number, state in enumerate(states) if state.error is None]
    if job.kind == "parquet":
        return replace(job, schema=common_schema([(path, _columns(job, number)) for number, path in paths], left_out))
    samples = (_sample(job, number) for number, _ in paths)
    sample: list[Mapping[str, object]] = next((sample for sample in samples if sample), [])
    return replace(job, schema=schema_of(sample, left_out))


def _columns(job: Job, number: int) -> "pa.Schema":
    """The columns of a Parquet file."""
    from secondpass.jobs.inputs.parquet_input import ParquetInput  # noqa: PLC0415 - text needs no pyarrow

    file = job.open(number)
    assert isinstance(file, ParquetInput)  # noqa: S101 - `Job.open` goes by the kind
    return file.schema


def _sample(job: Job, number: int) -> list[Mapping[str, object]]:
    """The first rows of a text file; none where it cannot be read."""
    with suppress(InputError):
        file = job.open(number)
        return file.sample() if isinstance(file, TextInput) else []
    return []
