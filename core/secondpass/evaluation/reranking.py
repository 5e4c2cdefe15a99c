"""Re-rank a run, query by query, so that an interrupted one continues from what it wrote."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

import numpy as np

from secondpass.errors import InputError, ScoringError
from secondpass.evaluation.collections import Collection, Run, ranking
from secondpass.ranking import Scorer

Progress = Callable[[int, int], None]
"""Told how many queries are done, and of how many."""


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
        name: The scorer's, so that another model's progress is not taken for its own.
        progress: Told after each query.

    Raises:
        InputError: A run holds a document that the corpus does not, or the progress is that of another job.
        ScoringError: The scorer gave NaN.
    """
    if depth < 1:
        raise InputError(f"depth must be at least 1, got {depth}")
    rankings = _rankings(collection, run)
    job = _fingerprint(name, depth, collection, rankings)
    done = _read_progress(progress_file, job)
    with _appending(progress_file, job, fresh=not done) as file:
        for place, (query, documents) in enumerate(rankings.items(), 1):
            if query not in done:
                done[query] = _scored(scorer, collection, query, documents, depth)
                if file is not None:
                    file.write(json.dumps(asdict(done[query])) + "\n")
                    file.flush()
            if progress is not None:
                progress(place, len(rankings))
    return [done[query] for query in rankings]


def write_run(path: Path, scored: Sequence[ScoredQuery], *, depth: int, tag: str) -> None:
    """A TREC run of the re-ranked candidates.

    trec_eval reads scores, not ranks, and orders ties its own way: where two scores are equal, or a candidate was not
    re-ranked, the written score is the next smaller one, so that every reader sees the order that was measured.
    """
    tag = "-".join(tag.split()) or "secondpass"
    with path.open("w", encoding="utf-8") as file:
        for one in scored:
            given = dict(zip(one.document_ids[:depth], one.scores[:depth], strict=False))  # a run may be shorter
            above = np.inf
            for rank, document in enumerate(one.reranked(depth), 1):
                score = min(given.get(document, above), float(np.nextafter(above, -np.inf)))
                file.write(f"{one.query_id} Q0 {document} {rank} {score!r} {tag}\n")
                above = score


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


def _scored(scorer: Scorer, collection: Collection, query: str, documents: tuple[str, ...], depth: int) -> ScoredQuery:
    texts = [collection.documents[document] for document in documents[:depth]]
    started = time.perf_counter()
    scores = np.asarray(scorer.score(collection.queries[query], texts), dtype=np.float64)
    seconds = time.perf_counter() - started
    if scores.shape != (len(texts),) or np.isnan(scores).any():
        raise ScoringError(f"a scorer must give one number a document, got {scores.shape} with NaN for query {query!r}")
    return ScoredQuery(query, documents, tuple(scores.tolist()), seconds)


def _fingerprint(name: str, depth: int, collection: Collection, rankings: Mapping[str, tuple[str, ...]]) -> str:
    """What a progress file belongs to: model, depth, queries and their rankings."""
    asked = [(query, collection.queries[query], found) for query, found in rankings.items()]
    content = json.dumps([name, depth, asked])
    return hashlib.sha256(content.encode()).hexdigest()


def _read_progress(path: Path | None, job: str) -> dict[str, ScoredQuery]:
    """Finished queries; a last line cut short by a kill does not count."""
    if path is None or not path.exists():
        return {}
    done: dict[str, ScoredQuery] = {}
    text = path.read_text(encoding="utf-8")
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        if not line.endswith("\n"):
            path.write_text(text[: len(text) - len(line)], encoding="utf-8")
            break
        record = json.loads(line)
        if number == 1:
            if record.get("job") != job:
                raise InputError(f"{path} holds another job's progress (model, queries or run differ); remove it")
            continue
        one = ScoredQuery(record["query_id"], tuple(record["document_ids"]), tuple(record["scores"]), record["seconds"])
        done[one.query_id] = one
    return done


@contextmanager
def _appending(path: Path | None, job: str, *, fresh: bool) -> Iterator[TextIO | None]:
    if path is None:
        yield None
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w" if fresh else "a", encoding="utf-8") as file:
        if fresh:
            file.write(json.dumps({"job": job}) + "\n")
            file.flush()
        yield file
