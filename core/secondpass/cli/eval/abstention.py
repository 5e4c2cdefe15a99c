"""`secondpass eval` with a threshold: what it needs to read, and how it shows what is kept."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from secondpass.cli.sheets import Column, Kind, Row, Sheet
from secondpass.errors import InputError
from secondpass.options import ModelOptions
from secondpass.ranking.request_checks import check_score_threshold

if TYPE_CHECKING:
    from secondpass import Calibration
    from secondpass.evaluation import Collection, Kept, Report


def check_threshold(score_threshold: float | None, unanswerable: Path | None, *, calibrated: bool) -> None:
    """Raise InputError unless the threshold means something to the scores, and is there where queries wait for it."""
    check_score_threshold(score_threshold)
    if score_threshold is not None and math.isinf(score_threshold):
        raise InputError(f"--score-threshold must be finite, got {score_threshold}")
    if unanswerable is not None and score_threshold is None:
        raise InputError("--unanswerable must come with --score-threshold: without one, everything is kept")
    if calibrated and score_threshold is not None and not 0 <= score_threshold <= 1:
        raise InputError(
            "--score-threshold must be from 0 to 1 with --calibration, which makes probabilities, got "
            f"{score_threshold}"
        )


def read_calibrations(
    files: Sequence[Path], models: Sequence[str], options: ModelOptions, *, is_used: bool
) -> "list[Calibration]":
    """The calibration of each model, in their order; none where there are no files.

    Args:
        files: One for each model, in their order.
        models: Their names.
        options: How they are loaded.
        is_used: Whether anything is asked for that takes probabilities.

    Raises:
        InputError: A file is not a calibration, or there is not one for each model, or they would change nothing.
    """
    from secondpass import Calibration

    if not files:
        return []
    if len(files) != len(models):
        raise InputError(
            f"--calibration must be given once for each --model, in their order, got {len(files)} for {len(models)}"
        )
    if options.activation is not None:
        raise InputError("--activation must be left out with --calibration, which makes probabilities of logits")
    if not is_used:
        raise InputError(
            "--calibration must come with --score-threshold or --keep: it changes no order, and so no measure"
        )
    return [Calibration.load(file) for file in files]


def read_unanswerable(path: Path | None, collections: "Iterable[Collection]") -> dict[str, str]:
    """Texts by id of queries that are known to have no answer; none without a file.

    Args:
        path: JSON lines, as those of a collection's queries.
        collections: Their judged queries may not be among them.

    Raises:
        InputError: There are none, one of them is judged, or a line is malformed.
    """
    from secondpass.evaluation import read_queries

    if path is None:
        return {}
    queries = read_queries(path)
    if not queries:
        raise InputError(f"--unanswerable must hold at least one query, got none in {path}")
    both = [query for query in queries for collection in collections if query in collection.qrels]
    if both:
        raise InputError(
            f"--unanswerable must hold queries without judgements, {len(both)} of {len(queries)} have some, such as "
            f"{both[0]!r}"
        )
    return queries


def abstention_table(reports: Sequence["Report"], *, calibrated: bool, note: str = "") -> Sheet:
    """What a threshold keeps: one row per model and kind of queries.

    Args:
        reports: Those with an abstention, of one collection.
        calibrated: Whether the threshold is a probability.
        note: What is to be known of the candidates.
    """
    measured = [(report.model, report.abstention) for report in reports if report.abstention is not None]
    kinds = [
        (model, kind, kept)
        for model, abstention in measured
        for kind, kept in (("unanswerable", abstention.unanswerable), ("answerable", abstention.answerable))
        if kept is not None
    ]
    # The first stage's, so every model's.
    without = {kind: f"{kept.n_without_candidates} {kind}" for _, kind, kept in kinds if kept.n_without_candidates}
    captions = ["nothing kept: right for unanswerable queries, wrong for answerable ones"]
    captions += [f"queries without any candidate: {', '.join(without.values())}"] if without else []
    unit = "probability" if calibrated else "score"
    columns = (
        Column("model", Kind.NAME),
        Column("queries", Kind.NAME),
        *map(Column, ("nothing kept", "share", "kept per query")),
    )
    return Sheet(
        f"what is kept of a {unit} of at least {measured[0][1].score_threshold:g}",
        columns,
        [Row((model, kind, *_figures(kept))) for model, kind, kept in kinds],
        "\n".join([*captions, *([note] if note else [])]),
    )


def _figures(kept: "Kept") -> tuple[str, str, str]:
    share, per_query = kept.empty_share, kept.kept_per_query
    return (
        f"{kept.n_empty} of {kept.n_queries}",
        "-" if share is None else f"{share:.1%}",
        "-" if per_query is None else f"{per_query:.2f}",
    )
