"""Re-rank a run: score the head of each ranking, and write what comes out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from secondpass.errors import InputError
from secondpass.evaluation.collection import Collection, Run, ranking
from secondpass.evaluation.progress import Progress, Request, score_all
from secondpass.ranking import Scorer

_SEPARATORS = " \t\n\r\f\v"


@dataclass(frozen=True, slots=True)
class ScoredQuery:
    """One query's ranking in the first stage's order, the model's scores of its head, and what scoring took.

    Args:
        query_id: Which query.
        document_ids: The whole ranking, the first stage's best first.
        scores: One a candidate, that is for as many of the first documents as were scored; the scorer's unit.
        seconds: Wall-clock time of scoring them.
    """

    query_id: str
    document_ids: tuple[str, ...]
    scores: tuple[float, ...]
    seconds: float

    def reranked(self, depth: int) -> list[str]:
        """The ranking with its first `depth` documents in the model's order (ties keep theirs), the rest below."""
        depth = min(depth, len(self.scores))
        order = np.argsort(-np.asarray(self.scores[:depth]), kind="stable").tolist()
        return [self.document_ids[i] for i in order] + list(self.document_ids[depth:])


def rerank(
    scorer: Scorer,
    collection: Collection,
    run: Run,
    *,
    depth: int = 100,
    progress_file: Path | None = None,
    name: str = "",
    progress: Progress | None = None,
) -> list[ScoredQuery]:
    """Score the head of each judged query's ranking.

    Args:
        scorer: The model.
        collection: Queries and documents.
        run: The first stage; queries without judgements are left out.
        depth: How many of each ranking's best are scored, at least 1.
        progress_file: JSON lines, one a finished query; what it holds is not scored again.
        name: See `score_all`.
        progress: Told after each query.

    Raises:
        InputError: A run holds a document that the corpus does not, or the progress is that of another job.
        ScoringError: The scorer gave NaN.
    """
    if depth < 1:
        raise InputError(f"depth must be at least 1, got {depth}")
    rankings = _rankings(collection, run)
    requests = {
        query: Request(collection.queries[query], tuple(collection.documents[one] for one in documents[:depth]))
        for query, documents in rankings.items()
    }
    found = score_all(scorer, requests, name=name, progress_file=progress_file, progress=progress)
    return [ScoredQuery(query, rankings[query], one.scores, one.seconds) for query, one in found.items()]


def check_ids(ids: Iterable[str]) -> None:
    """Raise InputError unless a TREC run, whose columns white space separates, can hold all of these ids."""
    for one in ids:
        if not one or any(character in one for character in _SEPARATORS):
            raise InputError(f"ids must have no white space to be written as a TREC run, got {one!r}")


def write_run(path: Path, scored: Sequence[ScoredQuery], *, depth: int, tag: str) -> None:
    """A TREC run of the re-ranked candidates.

    trec_eval reads scores, not ranks, in single precision, and orders ties its own way: where two scores are equal, or
    a candidate was not re-ranked, the written score is the next smaller one, so that every reader sees the order that
    was measured.

    Raises:
        InputError: An id has white space in it, which such a file cannot hold.
    """
    tag = "-".join(tag.split()) or "secondpass"
    check_ids(one.query_id for one in scored)
    check_ids(document for one in scored for document in one.document_ids)
    with path.open("w", encoding="utf-8") as file:
        for one in scored:
            order = one.reranked(depth)
            for rank, (document, score) in enumerate(zip(order, _falling(one, depth), strict=True), 1):
                file.write(f"{one.query_id} Q0 {document} {rank} {score!r} {tag}\n")


def as_run(scored: Sequence[ScoredQuery], *, depth: int) -> dict[str, dict[str, float]]:
    """The re-ranked run as values to measure: scores that only say the order."""
    run = {}
    for one in scored:
        order = one.reranked(depth)
        run[one.query_id] = {document: float(len(order) - place) for place, document in enumerate(order)}
    return run


def _rankings(collection: Collection, run: Run) -> dict[str, tuple[str, ...]]:
    found = {}
    for query in collection.queries:
        if query not in collection.qrels or query not in run:
            continue
        documents = tuple(ranking(run[query]))
        for document in documents:
            if document not in collection.documents:
                raise InputError(f"the corpus must hold every document of the run, {document!r} is not in it")
        found[query] = documents
    if not found:
        raise InputError("the run must rank one of the judged queries at least, got none of them")
    return found


def _falling(one: ScoredQuery, depth: int) -> list[float]:
    """Scores for `reranked(depth)`, each less than the one before in single precision, and the model's where they are.

    Infinite scores leave no room below or above them: then places stand in for all.
    """
    with np.errstate(over="ignore"):
        given = -np.sort(-np.asarray(one.scores[:depth], dtype=np.float32))
    if not np.isfinite(given).all():
        return [float(-place) for place in range(len(one.document_ids))]
    above, falling = np.float32(np.inf), []
    for score in [*given, *[above] * (len(one.document_ids) - len(given))]:
        above = min(score, np.nextafter(above, np.float32(-np.inf)))
        falling.append(float(above))
    return falling
