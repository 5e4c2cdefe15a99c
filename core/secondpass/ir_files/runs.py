"""TREC runs: one ranking per query, read from a file, ordered as trec_eval orders it, and written so that it does."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from secondpass.arguments import check_unicode
from secondpass.errors import InputError
from secondpass.files.text import lines
from secondpass.ir_files.columns import is_tab_separated, parse_score, split_columns

# A ranking per query: scores by query id and document id, higher is better.
Run: TypeAlias = Mapping[str, Mapping[str, float]]

_N_COLUMNS = 6
# What separates the columns and lines of a TREC run, so that ids cannot hold it.
_SEPARATORS = " \t\n\r\f\v"


@dataclass(frozen=True, slots=True)
class RunLine:
    """What counts of a line of a run.

    Args:
        query: The query's id.
        document: The document's id.
        score: Higher is better.
    """

    query: str
    document: str
    score: float


def read_run(path: Path) -> dict[str, dict[str, float]]:
    """A TREC run: six columns (query, Q0, document, rank, score, tag); the score decides, as in trec_eval.

    White space separates the columns; in a `.tsv` (`.tsv.gz`) it is tabs alone, so that ids may hold spaces.

    Raises:
        InputError: A line is malformed; file and line are named.
    """
    run: dict[str, dict[str, float]] = {}
    for where, line in lines(path):
        read = parse_run_line(line, where, tabs=is_tab_separated(path))
        if read.document in run.setdefault(read.query, {}):
            raise InputError(
                f"{where}: a document must appear once per query, {read.document!r} appears again for {read.query!r}"
            )
        run[read.query][read.document] = read.score
    return run


def parse_run_line(line: str, where: str, *, tabs: bool) -> RunLine:
    """A line of a TREC run.

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
    return RunLine(fields[0], fields[2], parse_score(fields[4], where))


def trec_order(scores: Mapping[str, float]) -> list[str]:
    """Document ids, best first, as trec_eval orders them: scores in single precision, of equal ones the larger id."""
    with np.errstate(over="ignore"):  # beyond single precision is infinite, there as here
        single = {document: float(np.float32(score)) for document, score in scores.items()}
    return sorted(sorted(scores, reverse=True), key=lambda document: -single[document])


def check_ids(ids: Iterable[str]) -> None:
    """Raise InputError unless a TREC run, whose columns white space separates, can hold all of these ids."""
    for key in ids:
        if not key or any(character in key for character in _SEPARATORS):
            raise InputError(f"ids must have no white space to be written as a TREC run, got {key!r}")
        check_unicode(key, f"the id {key!r}")


def run_lines(query_id: str, order: Sequence[str], scores: Sequence[float], *, tag: str) -> Iterator[str]:
    """The lines of a query in a TREC run; ids are taken as they are.

    trec_eval reads scores, not ranks, in single precision, and orders ties its own way: where two scores are equal, or
    a document has none, the written score is the next smaller one, so that every reader sees this order.

    Args:
        query_id: The query's id.
        order: Document ids, best first.
        scores: Those of the first of them, in any order.
        tag: What the run says of whose scores these are.
    """
    # A folder's name may hold bytes that are not text.
    tag = "-".join(tag.encode(errors="replace").decode().split()) or "secondpass"
    for rank, (document, score) in enumerate(zip(order, _falling(scores, len(order)), strict=True), 1):
        yield f"{query_id} Q0 {document} {rank} {score!r} {tag}\n"


def _falling(scores: Sequence[float], n_documents: int) -> list[float]:
    """Scores for documents, each less than the one before in single precision: the given ones where that holds.

    Infinite scores leave no room below or above them: then the position stands in for every score.
    """
    with np.errstate(over="ignore"):
        descending = -np.sort(-np.asarray(scores, dtype=np.float32))
    if not np.isfinite(descending).all():
        return [float(-position) for position in range(n_documents)]
    above, falling = np.float32(np.inf), []
    for score in [*descending, *[above] * (n_documents - len(descending))]:
        above = min(score, np.nextafter(above, np.float32(-np.inf)))
        falling.append(float(above))
    return falling
