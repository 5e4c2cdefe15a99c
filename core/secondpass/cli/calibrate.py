"""`secondpass calibrate`: probabilities for a model's scores on a collection, and thresholds for what is wanted."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias, get_args

import typer

from secondpass.arguments import check_count
from secondpass.calibration import Calibration, Method, find_thresholds, report_calibration
from secondpass.calibration.thresholds import Aim, OutOfReach, Threshold, Wanted
from secondpass.cli.calibrate_tables import quality_table, threshold_tables
from secondpass.cli.judged_collections import (
    CollectionParts,
    Corpus,
    Duplicates,
    QrelsFile,
    QueriesFile,
    is_ir_dataset,
    names_of,
    open_collection,
)
from secondpass.cli.loading import load_quietly
from secondpass.cli.options import (
    DEFAULT_MODEL,
    Json,
    ModelName,
    Output,
    takes_model_options,
)
from secondpass.cli.output import (
    check_output_file,
    output_format,
    progress_bar,
    write,
    write_json_file,
)
from secondpass.cli.streams import naming
from secondpass.errors import InputError
from secondpass.files.output_folder import check_output_folder
from secondpass.options import ModelOptions

if TYPE_CHECKING:
    from secondpass import CrossEncoder
    from secondpass.evaluation import Collection, LabelledScores, ScoredQuery
    from secondpass.ir_files.runs import Run

# As `secondpass.evaluation` has it, which --help need not wait for.
Unjudged: TypeAlias = Literal["irrelevant", "left-out"]

_JUDGEMENTS = "What counts as relevant"


@takes_model_options("activation", "calibration")
def calibrate(
    collection: Annotated[
        str, typer.Argument(help="A BEIR-style folder, or ir:ID of ir_datasets, as eval reads them.")
    ],
    model: ModelName = DEFAULT_MODEL,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="JSON file of the calibration.")] = None,
    report: Annotated[
        Path | None, typer.Option(help="Folder for the picture and JSON; continues what was interrupted.")
    ] = None,
    want: Annotated[
        str | None,
        typer.Option(help="Such as precision=0.9 or recall=0.95: writes its threshold, and no tables."),
    ] = None,
    method: Annotated[Method, typer.Option(help="How logits become probabilities.")] = "platt",
    run: Annotated[
        Path | None, typer.Option(help="TREC run of the candidates.", show_default="a BM25 first stage")
    ] = None,
    depth: Annotated[int, typer.Option(help="Candidates per query: as many as you re-rank.")] = 100,
    relevant_from: Annotated[
        int, typer.Option(help="The least grade that counts as relevant.", rich_help_panel=_JUDGEMENTS)
    ] = 1,
    unjudged: Annotated[
        Unjudged,
        typer.Option(
            help="Candidates that nobody has judged. irrelevant: probabilities are too low if some are relevant. "
            "left-out: they are too high if judged ones are more often relevant than others.",
            rich_help_panel=_JUDGEMENTS,
        ),
    ] = "irrelevant",
    duplicate_judgements: Duplicates = None,
    queries: QueriesFile = None,
    corpus: Corpus = None,
    qrels: QrelsFile = None,
    format_: Output = None,
    json_: Json = False,
    *,
    options: ModelOptions,
) -> None:
    """Fit probabilities to a model's scores on a collection, and find thresholds for a wanted precision or recall."""
    result_format = output_format(format_, json_)
    check_count("depth", depth, optional=False)
    check_count("relevant_from", relevant_from, optional=False)
    check_output_file(output)
    check_output_folder(report, "--report")
    wanted = None if want is None else parse_wanted(want)
    options = replace(options, activation="identity")  # a calibration is fitted to logits
    _check_collection(collection)
    from secondpass.calibration.plots import write_plot
    from secondpass.evaluation import label_scores
    from secondpass.evaluation.file_names import file_names
    from secondpass.extras import require, require_matplotlib

    require("sklearn", feature="fitting a calibration", extra="calibrate")
    if report is not None:
        require_matplotlib("calibrate")
    read = open_collection(collection, CollectionParts(queries, corpus, qrels, duplicate_judgements or "error"))
    scorer = load_quietly(model, options)
    (name,), (file_name,) = names_of([collection]), file_names([model])
    progress_file = None if report is None else report / f"{file_name}.progress.jsonl"
    candidates = _candidates(read, run, depth)
    _check_candidates(read, candidates, depth, relevant_from, unjudged)
    scored = _score(scorer, read, candidates, depth, progress_file, f"{model}, {name}")
    labelled = label_scores(scored, read.qrels, relevant_from=relevant_from, unjudged=unjudged)
    pairs = (labelled.scores, labelled.relevant, labelled.queries)
    calibration = Calibration.fit(*pairs, method=method, fingerprint=scorer.fingerprint())
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        calibration.save(output)
    if wanted is not None:
        (threshold,) = find_thresholds(calibration, *pairs, wanted=[wanted])
        typer.echo(repr(_reached(threshold)))
        if report is None:
            return
    found = report_calibration(calibration, *pairs)
    content = {
        "collection": name, "model": model, "depth": depth, "relevant_from": relevant_from, "unjudged": unjudged,
        "n_unjudged": labelled.n_unjudged, **found.as_json(),
    }  # fmt: skip
    if report is not None:
        write_json_file(report / "report.json", content)
        picture = report / f"{file_name}.png"
        with naming(picture):
            write_plot(picture, found, title=f"{name}: {model}")
    if wanted is None:
        first = quality_table(f"{name}: {model}", found, _judged(labelled, unjudged), output)
        write(result_format, content, [first, *threshold_tables(found)])


def parse_wanted(text: str) -> Wanted:
    """What `--want` asks for.

    Raises:
        InputError: It is not an aim and its value, or there is no such value.
    """
    aim, _, value = text.partition("=")
    number: float | None = None
    with suppress(ValueError):
        number = float(value)
    for known in get_args(Aim):
        if aim == known and number is not None:
            try:
                return Wanted(known, number)
            except InputError as error:
                raise InputError(f"--want {error}") from None
    raise InputError(f"--want must be precision=VALUE or recall=VALUE, such as precision=0.9, got {text!r}")


def _check_collection(name: str) -> None:
    if is_ir_dataset(name) or Path(name).is_dir():
        return
    what = "a file, which holds no run of candidates" if Path(name).exists() else "nothing"
    raise InputError(f"COLLECTION must be a folder or ir:ID, {name!r} is {what}")


def _candidates(collection: "Collection", run: Path | None, depth: int) -> "Run":
    from secondpass.evaluation import BM25, read_run

    if run is not None:
        return read_run(run)
    return BM25(collection.documents).run(collection.judged, depth)


def _check_candidates(
    collection: "Collection", candidates: "Run", depth: int, relevant_from: int, unjudged: Unjudged
) -> None:
    """Raise InputError unless there are relevant candidates and others, which is known before any is scored."""
    from secondpass.evaluation import ScoredQuery, label_scores
    from secondpass.ir_files.runs import trec_order

    judged = collection.judged.keys() & candidates.keys()
    ranked = {query: tuple(trec_order(candidates[query])[:depth]) for query in judged}
    unscored = [ScoredQuery(query, documents, (0.0,) * len(documents), 0.0) for query, documents in ranked.items()]
    relevant = label_scores(unscored, collection.qrels, relevant_from=relevant_from, unjudged=unjudged).relevant
    if any(relevant) and not all(relevant):
        return
    counted = "judged candidates" if unjudged == "left-out" else "candidates"
    if not any(relevant):
        raise InputError(
            f"--relevant-from must leave relevant candidates, got none of grade {relevant_from} or above among "
            f"{len(relevant):,} {counted}"
        )
    hint = ": try --unjudged irrelevant" if unjudged == "left-out" else ""
    raise InputError(f"there must be irrelevant {counted} too, got {len(relevant):,} relevant ones alone{hint}")


def _score(
    scorer: "CrossEncoder",
    collection: "Collection",
    candidates: "Run",
    depth: int,
    progress_file: Path | None,
    name: str,
) -> "list[ScoredQuery]":
    """The logits of each judged query's candidates."""
    from secondpass.evaluation import rerank

    with progress_bar(name) as progress, naming(progress_file or "a file"):
        return rerank(
            scorer,
            collection,
            candidates,
            depth=depth,
            progress_file=progress_file,
            progress=progress,
        )


def _reached(found: Threshold | OutOfReach) -> float:
    """The threshold; raise InputError where there is none."""
    if isinstance(found, OutOfReach):
        wanted = found.wanted
        raise InputError(
            f"--want {wanted.aim}={wanted.value:g} is out of reach on these queries, at most {found.highest:.3g} is "
            "reached: want less, or take a better model or more candidates"
        )
    return found.threshold.value


def _judged(labelled: "LabelledScores", unjudged: Unjudged) -> str:
    """What became of the candidates that nobody has judged, and what that does."""
    if labelled.n_unjudged == 0:
        return ""
    if unjudged == "irrelevant":
        return f"{labelled.n_unjudged:,} of them unjudged, which count as irrelevant: too low where some are relevant"
    return (
        f"{labelled.n_unjudged:,} unjudged pairs left out: too high where they are less often relevant than the "
        "judged ones"
    )
