"""TREC runs: one ranking per query, read from a file and ordered as trec_eval orders it."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import numpy as np

from secondpass.errors import InputError
from secondpass.evaluation.trec import is_tab_separated, parse_score, split_columns
from secondpass.files.text import lines

# A ranking per query: scores by query id and document id, higher is better.
Run: TypeAlias = Mapping[str, Mapping[str, float]]

_N_COLUMNS = 6


def read_run(path: Path) -> dict[str, dict[str, float]]:
    """A TREC run: six columns (query, Q0, document, rank, score, tag); the score decides, as in trec_eval.

    White space separates the columns; in a `.tsv` (`.tsv.gz`) it is tabs alone, so that ids may hold spaces.

    Raises:
        InputError: A line is malformed; file and line are named.
    """
    run: dict[str, dict[str, float]] = {}
    for where, line in lines(path):
        query, document, score = run_columns(line, where, tabs=is_tab_separated(path))
        if document in run.setdefault(query, {}):
            raise InputError(
                f"{where}: a document must appear once per query, {document!r} appears again for {query!r}"
            )
        run[query][document] = score
    return run


def run_columns(line: str, where: str, *, tabs: bool) -> tuple[str, str, float]:
    """The query, the document and the score of a line of a TREC run.

    Args:
        line: Without its line end.
        where: The line as errors call it, `file:line`.
        tabs: Whether tabs alone separate the columns, so that ids may hold spaces.

    Raises:
        InputError: The line is malformed.
    """
    fields = split_columns(line, where, tabs=tabs)
    if len(fields) != _N_COLUMNS:
        raise InputError(
            f"{where}: a run must have 6 columns (query, Q0, document, rank, score, tag), got {line[:60]!r}"
        )
    return fields[0], fields[2], parse_score(fields[4], where)


def trec_order(scores: Mapping[str, float]) -> list[str]:
    """Document ids, best first, as trec_eval orders them: scores in single precision, of equal ones the larger id."""
    with np.errstate(over="ignore"):  # beyond single precision is infinite, there as here
        single = {document: float(np.float32(score)) for document, score in scores.items()}
    return sorted(sorted(scores, reverse=True), key=lambda document: -single[document])
