"""`secondpass eval`: whether re-ranking helps on a collection, how much, and at what cost."""

import os
from collections.abc import Hashable, Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from secondpass.arguments import check_count
from secondpass.cli.eval.abstention import check_threshold, read_calibrations, read_unanswerable
from secondpass.cli.eval.collections import evaluate_collections
from secondpass.cli.eval.entrants import entrants
from secondpass.cli.eval.reranking_sets import evaluate_sets
from secondpass.cli.eval.task import Settings
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
from secondpass.cli.loading import find_models
from secondpass.cli.options import DEFAULT_MODEL, Json, Output, takes_model_options
from secondpass.cli.output import output_format
from secondpass.errors import InputError
from secondpass.files.output_folder import check_output_folder
from secondpass.model_names import bundled_folder, local_folder
from secondpass.options import ModelOptions

# Candidates re-ranked per query.
_DEFAULT_DEPTH = 100
# The measures of several collections: those that model cards report.
_CARD_MEASURES = ("nDCG@10", "RR@10")

_NOTHING = "Where nothing answers"

Models = Annotated[
    list[str] | None,
    typer.Option(
        "--model", "-m", help="Hub id, folder, or bundled model; several are compared.", show_default=DEFAULT_MODEL
    ),
]


@takes_model_options("calibration")
def evaluate(
    data: Annotated[
        list[str],
        typer.Argument(
            help="BEIR-style folders and ir:ID of ir_datasets, such as ir:beir/scifact/test; or the JSONL of "
            "re-ranking sets. Several make one table, as model cards have it."
        ),
    ],
    model: Models = None,
    run: Annotated[Path | None, typer.Option(help="TREC run to re-rank.", show_default="a BM25 first stage")] = None,
    queries: QueriesFile = None,
    corpus: Corpus = None,
    qrels: QrelsFile = None,
    duplicate_judgements: Duplicates = None,
    measure: Annotated[
        list[str] | None,
        typer.Option(
            help="An ir_measures name; the first one is drawn.",
            show_default="nDCG@10, RR@10, and for one collection AP, R@100",
        ),
    ] = None,
    depth: Annotated[
        int | None, typer.Option(help="Candidates re-ranked per query.", show_default=str(_DEFAULT_DEPTH))
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            help="Evaluate a cascade of the models as well, in the order of --model: how many candidates go on to the "
            "next (20; for each step 50,20), or within which margin of probability (0.2). Several are compared.",
            show_default="none",
        ),
    ] = None,
    score_threshold: Annotated[
        float | None,
        typer.Option(
            help="Count what scores of at least this much keep, and of how many queries nothing.",
            show_default="none",
            rich_help_panel=_NOTHING,
        ),
    ] = None,
    unanswerable: Annotated[
        Path | None,
        typer.Option(
            help="Queries that nothing in the collection answers, as its queries.jsonl: how often nothing is kept.",
            show_default="none",
            rich_help_panel=_NOTHING,
        ),
    ] = None,
    calibration: Annotated[
        list[Path] | None,
        typer.Option(
            help="The model's file of secondpass calibrate: the threshold and the margin of --keep are probabilities. "
            "For several models, one each, in their order.",
            show_default="none",
            rich_help_panel=_NOTHING,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder for runs, JSON and pictures; continues what was interrupted."),
    ] = None,
    compare_truncation: Annotated[
        bool,
        typer.Option(
            "--compare-truncation",
            help="Beside --long-documents windows: also measure with documents truncated, and compare the two.",
        ),
    ] = False,
    format_: Output = None,
    json_: Json = False,
    *,
    options: ModelOptions,
) -> None:
    """Re-rank a first stage and measure it: quality before and after, significance, speed, and how deep it pays."""
    result_format = output_format(format_, json_)
    check_count("depth", depth)
    check_output_folder(output)
    if compare_truncation and options.long_documents != "windows":
        raise InputError("--compare-truncation must come with --long-documents windows")
    if compare_truncation and keep:
        raise InputError("--compare-truncation must come without --keep: each is a comparison of its own")
    if compare_truncation and calibration:
        raise InputError("--compare-truncation must come without --calibration, which fits one way to read")

    names = model or [DEFAULT_MODEL]
    _check_different("--model must name different models", names, map(_place_of_model, names))
    keeps = [_parse_keep(text, len(names) - 1) for text in keep or ()]
    _check_different("--keep must name different cascades", keep or (), keeps)
    _check_different("DATA must name different collections", data, map(_place_of_data, data))
    files = [name for name in data if _is_file(name)]
    if files:
        collection_only = {
            "--run": run, "--queries": queries, "--corpus": corpus, "--qrels": qrels,
            "--duplicate-judgements": duplicate_judgements, "--measure": measure, "--depth": depth, "--keep": keep,
            "--score-threshold": score_threshold, "--unanswerable": unanswerable, "--calibration": calibration,
        }  # fmt: skip
        misplaced = [option for option, value in collection_only.items() if value is not None]
        misplaced += ["--compare-truncation"] * compare_truncation
        if misplaced:
            raise InputError(
                f"{', '.join(misplaced)} must come with a folder; {files[0]} is the file of a re-ranking set"
            )
        if len(files) < len(data):
            raise InputError(
                f"collections and re-ranking sets have measures of their own and need calls of their own, got "
                f"{next(name for name in data if name not in files)} and {files[0]}"
            )
        evaluate_sets(
            [Path(name) for name in data],
            names,
            options,
            output=output,
            format_=result_format,
        )
        return
    one_collection_only = {
        "--run": run, "--queries": queries, "--corpus": corpus, "--qrels": qrels,
        "--score-threshold": score_threshold, "--unanswerable": unanswerable,
    }  # fmt: skip
    for option, value in one_collection_only.items():
        if value is not None and len(data) > 1:
            raise InputError(f"{option} must come with one collection, got {len(data)}")
    check_threshold(score_threshold, unanswerable, calibrated=bool(calibration))
    calibrations = read_calibrations(
        calibration or [], names, options, is_used=score_threshold is not None or bool(keeps)
    )
    from secondpass.evaluation import DEFAULT_MEASURES
    from secondpass.evaluation.measures import check_measures
    from secondpass.extras import require_matplotlib

    measures = tuple(measure or (DEFAULT_MEASURES if len(data) == 1 else _CARD_MEASURES))
    check_measures(measures)
    if output is not None:
        require_matplotlib("eval")
    parts = CollectionParts(queries, corpus, qrels, duplicate_judgements or "error")
    collections = {name: open_collection(source, parts) for name, source in zip(names_of(data), data, strict=True)}
    without_answer = read_unanswerable(unanswerable, collections.values())
    find_models(names, options)
    depth = _DEFAULT_DEPTH if depth is None else depth
    settings = Settings(measures, depth, run, output, result_format, score_threshold, without_answer)
    taking_part = entrants(names, options, both_ways=compare_truncation, keeps=keeps, calibrations=calibrations)
    evaluate_collections(collections, taking_part, settings)


def _check_different(rule: str, names: Sequence[str], meanings: Iterable[Hashable]) -> None:
    """Raise InputError where two names mean the same."""
    if len(set(meanings)) < len(names):
        raise InputError(f"{rule}, got {', '.join(names)}")


def _place_of_model(name: str) -> str:
    """Where the model lies, whatever link leads there; the name of one that is on a hub."""
    folder = bundled_folder(name) or local_folder(name)
    return name if folder is None else os.path.realpath(folder)


def _place_of_data(name: str) -> str:
    """Where a folder or file lies, whatever link leads there; the id of a collection of ir_datasets."""
    return name if is_ir_dataset(name) else os.path.realpath(name)


def _parse_keep(text: str, n_steps: int) -> tuple[float, ...]:
    """The numbers of one `--keep`: one for all steps from model to model, or one for each.

    Raises:
        InputError: They are no numbers, or not what a cascade of so many steps takes.
    """
    from secondpass.cascade.keep import check_keep

    if n_steps < 1:
        raise InputError("--keep must come with at least 2 --model, the cheapest first, got 1")
    try:
        numbers = [int(part) if part.strip().isdecimal() else float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"--keep must be numbers, such as 20 or 50,20 or 0.2, got {text!r}") from None
    check_keep(numbers[0] if len(numbers) == 1 else numbers, n_steps)
    return tuple(numbers)


def _is_file(name: str) -> bool:
    """Whether this is a file; raise InputError where it is nothing at all."""
    if is_ir_dataset(name):
        return False
    path = Path(name)
    if not path.exists():
        raise InputError(f"no such file or folder: {path}")
    return path.is_file()
