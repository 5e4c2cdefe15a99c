"""`secondpass score`: the pairs of files, scored in bounded memory, and gone on with where that was interrupted."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from secondpass.adapters.services import is_url
from secondpass.cli.loading import silence_transformers
from secondpass.cli.notices import say_warning
from secondpass.cli.options import DEFAULT_MODEL, Json, ModelOrService, Output, takes_model_options
from secondpass.cli.output import output_format, write
from secondpass.cli.sheets import Column, Kind, Row, Sheet
from secondpass.cli.streams import naming
from secondpass.errors import InputError
from secondpass.files.output_folder import check_output_folder
from secondpass.options import ModelOptions
from secondpass.quantities import count

if TYPE_CHECKING:
    from secondpass.jobs import JobProgress, JobResult, RayWorkers

# As `secondpass.jobs` has it, which --help need not wait for.
ShardFormat: TypeAlias = Literal["parquet", "jsonl", "trec"]
EngineName: TypeAlias = Literal["local", "ray"]

_ROWS = "What a row is"
_OUTPUT = "What is written"
_RAY = "Where it is scored"
# Names that a message shows of many.
_N_EXAMPLES = 3


@takes_model_options()
def score(
    inputs: Annotated[
        list[str],
        typer.Argument(
            help="Files, folders or patterns: .parquet, .jsonl, .csv, .tsv, TREC runs (.trec, .run); gzipped or not."
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for all that is written; continues what was interrupted.")
    ],
    model: ModelOrService = DEFAULT_MODEL,
    query_column: Annotated[str, typer.Option(help="The column with what is asked.", rich_help_panel=_ROWS)] = "query",
    document_column: Annotated[
        str, typer.Option(help="The column with the documents' texts.", rich_help_panel=_ROWS)
    ] = "document",
    query_id_column: Annotated[
        str,
        typer.Option(
            help="The column by which rows belong to one query; where there is none, by its text.",
            rich_help_panel=_ROWS,
        ),
    ] = "query_id",
    document_id_column: Annotated[
        str, typer.Option(help="The column with the documents' ids, for TREC runs.", rich_help_panel=_ROWS)
    ] = "document_id",
    queries: Annotated[
        Path | None,
        typer.Option(help="JSONL of a run's queries.", show_default="queries.jsonl beside it", rich_help_panel=_ROWS),
    ] = None,
    corpus: Annotated[
        Path | None,
        typer.Option(help="JSONL of a run's documents.", show_default="corpus.jsonl beside it", rich_help_panel=_ROWS),
    ] = None,
    shard_format: Annotated[
        ShardFormat | None,
        typer.Option(
            "--output-format",
            "--to",
            help="What scores are written as.",
            show_default="as the input; JSONL for text",
            rich_help_panel=_OUTPUT,
        ),
    ] = None,
    shard_rows: Annotated[
        int, typer.Option(help="Rows per file, and what a kill may cost.", rich_help_panel=_OUTPUT)
    ] = 65_536,
    without_texts: Annotated[
        bool,
        typer.Option("--without-texts", help="Leave queries and documents out of the output.", rich_help_panel=_OUTPUT),
    ] = False,
    result_prefix: Annotated[
        str,
        typer.Option(
            help="What the names of new columns begin with, for input that has a score already.",
            show_default="none",
            rich_help_panel=_OUTPUT,
        ),
    ] = "",
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Stop at the first bad row or file, instead of listing it in errors.jsonl."),
    ] = False,
    engine: Annotated[
        EngineName, typer.Option(help="local: this process; ray: the workers of a Ray cluster.", rich_help_panel=_RAY)
    ] = "local",
    address: Annotated[
        str | None,
        typer.Option(
            help="Of the cluster: auto for this machine's, or ray://HOST:10001.",
            show_default="RAY_ADDRESS, else ray start's here, else a new one",
            rich_help_panel=_RAY,
        ),
    ] = None,
    workers: Annotated[
        str | None,
        typer.Option(
            help="How many processes score: a number, or LEAST:MOST.",
            show_default="what there is room for",
            rich_help_panel=_RAY,
        ),
    ] = None,
    cpus_per_worker: Annotated[
        int | None,
        typer.Option(help="CPUs of each, and its threads.", show_default="1", min=1, rich_help_panel=_RAY),
    ] = None,
    gpus_per_worker: Annotated[
        float | None,
        typer.Option(
            help="GPUs of each; with 0.5, two share one.",
            show_default="1 where there are any",
            min=0,
            rich_help_panel=_RAY,
        ),
    ] = None,
    format_: Output = None,
    json_: Json = False,
    *,
    options: ModelOptions,
) -> None:
    """Score the pairs of files into Parquet, JSONL or a TREC run; a job that was killed goes on where it was."""
    result_format = output_format(format_, json_)
    check_output_folder(output)
    on_ray = {
        "--address": address, "--workers": workers, "--cpus-per-worker": cpus_per_worker,
        "--gpus-per-worker": gpus_per_worker,
    }  # fmt: skip
    misplaced = [flag for flag, value in on_ray.items() if value is not None]
    if misplaced and engine != "ray":
        raise InputError(f"{', '.join(misplaced)} must come with --engine ray")
    from secondpass.jobs import JobSettings, score_files

    settings = JobSettings(
        query_column=query_column,
        document_column=document_column,
        query_id_column=query_id_column,
        document_id_column=document_id_column,
        queries=queries,
        corpus=corpus,
        output_format=shard_format,
        shard_rows=shard_rows,
        keep_texts=not without_texts,
        result_prefix=result_prefix,
        strict=strict,
    )
    silence_transformers()
    with _progress_of_rows(model) as progress, naming(output):
        result = score_files(
            inputs,
            output,
            model=model,
            options=options,
            settings=settings,
            workers=_workers(address, workers, cpus_per_worker, gpus_per_worker) if engine == "ray" else None,
            progress=progress,
        )
    _report(result, model, options)
    write(result_format, result.as_json(), [result_table(model, result)])
    if result.n_bad and not result.n_rows:  # the name of a column that no row has, as a rule, or texts of another run
        errors = Path(result.output) / "errors.jsonl"
        raise InputError(
            f"inputs must hold rows that can be scored, got none among {result.n_bad}: {errors} says why, and "
            f"{_what_is_read(inputs, output, shard_format)}"
        )


def _what_is_read(inputs: list[str], output: Path, shard_format: ShardFormat | None) -> str:
    """Which options say where texts are, which is not the same for rows with texts and for those of a run."""
    from secondpass.jobs.inputs.find_inputs import find_inputs

    if find_inputs(inputs, output).kind == "trec":
        return "--queries and --corpus say which files its texts are in"
    columns = ["--query-column", "--document-column"]
    if shard_format == "trec":
        columns += ["--query-id-column", "--document-id-column"]
    return f"{', '.join(columns[:-1])} and {columns[-1]} say which columns are read"


def _workers(address: str | None, workers: str | None, cpus: int | None, gpus: float | None) -> "RayWorkers":
    """The workers that the options name.

    Raises:
        InputError: `--workers` is neither a number nor two, the first of them the smaller one.
    """
    from secondpass.jobs import RayWorkers

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # unless the user wants Ray to report that it was used
    cpus = 1 if cpus is None else cpus
    if workers is None:
        return RayWorkers(address=address, cpus=cpus, gpus=gpus)
    numbers = re.fullmatch(r"([0-9]+)(?::([0-9]+))?", workers)
    least, most = (0, 0) if numbers is None else (int(numbers[1]), int(numbers[2] or numbers[1]))
    if not 1 <= least <= most:
        raise InputError(f"--workers must be a number of at least 1, or two such as 2:8, got {workers!r}")
    return RayWorkers(address=address, least=least, most=most, cpus=cpus, gpus=gpus)


def result_table(model: str, result: "JobResult") -> Sheet:
    """How much was scored, and how fast."""
    rows = [Row(("rows scored", f"{result.n_rows:,}"))]
    rows += [Row(("rows that could not be scored", f"{result.n_bad:,}"))]
    if result.n_truncated is not None:
        rows += [Row(("rows truncated", f"{result.n_truncated:,}"))]
    shards = count(result.n_shards, "shard")
    if result.n_shards_before:
        shards += f", {result.n_shards_before} of them finished before"
    return Sheet(
        f"{model}: {shards}, {result.seconds:.1f} s",
        (Column("", Kind.NAME), Column("number")),
        rows,
        f"scores: {result.scores}",
    )


def _report(result: "JobResult", model: str, options: ModelOptions) -> None:
    """Say on standard error what was not scored, or not as one may think."""
    if result.left_out:
        some = ", ".join(result.left_out[:_N_EXAMPLES])
        say_warning(f"{count(len(result.left_out), 'file')} of no format that is read, left out: {some}")
    for path, error in list(result.unreadable.items())[:_N_EXAMPLES]:
        say_warning(f"left out: {error if path in error else f'{path}: {error}'}")
    if result.n_bad or result.unreadable:
        rows, files = count(result.n_bad, "row"), count(len(result.unreadable), "file")
        say_warning(f"{rows} and {files} could not be scored: {Path(result.output) / 'errors.jsonl'} says why")
    if result.n_truncated:
        rows = f"{result.n_truncated} of {count(result.n_rows, 'row')}"
        if options.long_documents == "windows":
            say_warning(f"the query was truncated in {rows}")
        elif is_url(model):
            say_warning(f"{rows} truncated to fit the service's limit")
        else:
            say_warning(f"{rows} truncated; --long-documents windows reads all")
    if result.n_scattered:
        say_warning(
            f"{count(result.n_scattered, 'time')} a query came back after rows of others: ranks count rows that stand "
            "together, so sort the input by query"
        )
    if result.n_unranked:
        say_warning(
            f"{count(result.n_unranked, 'row')} of queries with more rows than a shard holds have no rank: "
            "a larger --shard-rows gives them one"
        )


@contextmanager
def _progress_of_rows(name: str) -> Iterator["JobProgress"]:
    """A bar on standard error, with the rate of this call and the time that is left."""
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )  # fmt: skip
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(escape(name), total=None, rate="")
        began = [False]

        def progress(before: int, done: int, total: int) -> None:
            if not began[0]:  # what was done before says nothing of the rate
                bar.reset(task, total=total, completed=before)
                began[0] = True
            elapsed = bar.tasks[0].elapsed or 0.0
            rate = f"{(done - before) / elapsed:,.0f} rows/s" if elapsed > 1 else ""
            bar.update(task, completed=done, total=total, rate=rate)

        yield progress
