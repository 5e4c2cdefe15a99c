"""Re-rank a run: score the best documents of each ranking, and write the new run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from secondpass.errors import InputError
from secondpass.evaluation.candidates import Candidates, CandidateScores
from secondpass.evaluation.collection import Collection
from secondpass.evaluation.scoring import ProgressCallback, score_all
from secondpass.evaluation.streamed import texts_of
from secondpass.ir_files.runs import Run, check_ids, run_lines, trec_order
from secondpass.ranking import Scorer, best_first


@dataclass(frozen=True, slots=True)
class ScoredQuery:
    """One query's ranking in the first stage's order, the model's scores of its best documents, and their time.

    Args:
        query_id: The query's id.
        document_ids: The whole ranking, the first stage's best first.
        scores: One score per candidate, that is for the first of these documents, in the scorer's unit.
        seconds: Wall-clock time of scoring them.
        truncated: Whether a part of each candidate, or of the query beside it, was not read; None where nobody says.
        raw_scores: What orders candidates of equal scores, as in `RankedDocument`; None where nothing mapped the
            scores.
    """

    query_id: str
    document_ids: tuple[str, ...]
    scores: tuple[float, ...]
    seconds: float
    truncated: tuple[bool, ...] | None = None
    raw_scores: tuple[float, ...] | None = None

    def reranked(self, depth: int) -> list[str]:
        """The ranking with its first `depth` documents in the model's order (ties keep theirs), the rest below."""
        depth = min(depth, len(self.scores))
        order = best_first(self.scores[:depth], None if self.raw_scores is None else self.raw_scores[:depth])
        return [self.document_ids[i] for i in order] + list(self.document_ids[depth:])


def rerank(
    scorer: Scorer,
    collection: Collection,
    run: Run,
    *,
    depth: int = 100,
    progress_file: Path | None = None,
    progress: ProgressCallback | None = None,
) -> list[ScoredQuery]:
    """Score the best documents of each judged query's ranking.

    Args:
        scorer: The model.
        collection: Queries and documents.
        run: The first stage; queries without judgements are left out.
        depth: How many documents of each ranking are scored, at least 1.
        progress_file: JSON lines, one per finished query; what it holds is not scored again. It is one model's, by its
            fingerprint, or by its class where it has none.
        progress: Called after each query, with the number of queries done and of all.

    Raises:
        InputError: A run holds a document that the corpus does not, or the progress is that of another job.
        ScoringError: The scorer gave NaN.
    """
    judged = {query: text for query, text in collection.judged.items() if query in run}
    if not judged:
        raise InputError("the run must rank at least one of the judged queries, got none of them")
    return score_run(
        scorer,
        judged,
        collection.documents,
        run,
        depth=depth,
        progress_file=progress_file,
        progress=progress,
    )


def score_run(
    scorer: Scorer,
    queries: Mapping[str, str],
    documents: Mapping[str, str],
    run: Run,
    *,
    depth: int = 100,
    progress_file: Path | None = None,
    progress: ProgressCallback | None = None,
) -> list[ScoredQuery]:
    """Score the best documents of each query's ranking, whether anything is judged or not.

    Args:
        scorer: The model.
        queries: Texts by id; one that the run does not rank has no candidates.
        documents: Texts by id.
        run: The first stage; queries that are not among the given ones are left out.
        depth: How many documents of each ranking are scored, at least 1.
        progress_file: See `rerank`.
        progress: See `rerank`.

    Raises:
        InputError: As `rerank`.
        ScoringError: As `rerank`.
    """
    if depth < 1:
        raise InputError(f"depth must be at least 1, got {depth}")
    rankings = {query: tuple(trec_order(run.get(query, {}))) for query in queries}
    ranked = dict.fromkeys(document for ranking in rankings.values() for document in ranking)
    texts = texts_of(documents, ranked.keys())
    for document in ranked:
        if document not in texts:
            raise InputError(f"the corpus must hold every document of the run, {document!r} is not in it")
    candidates = {
        query: Candidates(queries[query], tuple(texts[key] for key in ranking[:depth]))
        for query, ranking in rankings.items()
    }
    results = score_all(scorer, candidates, progress_file=progress_file, progress=progress)
    return [
        ScoredQuery(query, rankings[query], result.scores, result.seconds, result.truncated, result.raw_scores)
        for query, result in results.items()
    ]


def reread(
    scorer: Scorer,
    collection: Collection,
    scored: Sequence[ScoredQuery],
    *,
    progress_file: Path | None = None,
    progress: ProgressCallback | None = None,
) -> list[ScoredQuery]:
    """Score again what was truncated, with the same model that now reads long documents in windows.

    What fits scores the same either way, so it is not scored again. The time of a query is an estimate: that of its
    truncated documents in windows, and of the first pass the share that its other documents have in all of them.

    Args:
        scorer: The model that reads in windows.
        collection: Queries and documents.
        scored: What `rerank` gave for the model that truncates.
        progress_file: As in `rerank`.
        progress: As in `rerank`.

    Raises:
        InputError: Nobody said what was truncated, or the progress is that of another job.
        ScoringError: The scorer gave NaN.
    """
    long: dict[str, list[int]] = {}
    for query in scored:
        if query.truncated is None:
            raise InputError(f"scored must say what was truncated, which it does not for the query {query.query_id!r}")
        long[query.query_id] = [i for i, is_truncated in enumerate(query.truncated) if is_truncated]
    wanted = {query.query_id: [query.document_ids[i] for i in long[query.query_id]] for query in scored}
    texts = texts_of(collection.documents, {document for documents in wanted.values() for document in documents})
    candidates = {
        query: Candidates(collection.queries[query], tuple(texts[document] for document in documents))
        for query, documents in wanted.items()
    }
    results = score_all(scorer, candidates, progress_file=progress_file, progress=progress)
    return [_with_windows(query, long[query.query_id], results[query.query_id]) for query in scored]


def write_run(path: Path, scored: Sequence[ScoredQuery], *, depth: int, tag: str) -> None:
    """Write a TREC run of the re-ranked candidates.

    Where two scores are equal in single precision, or a candidate was not re-ranked, the written score is the next
    smaller one, so that every reader sees the order that was measured.

    Raises:
        InputError: An id has white space in it or half of a surrogate pair, which such a file cannot hold.
    """
    check_ids(query.query_id for query in scored)
    check_ids(document for query in scored for document in query.document_ids)
    with path.open("w", encoding="utf-8") as file:
        for query in scored:
            file.writelines(run_lines(query.query_id, query.reranked(depth), query.scores[:depth], tag=tag))


def as_run(scored: Sequence[ScoredQuery], *, depth: int) -> dict[str, dict[str, float]]:
    """The re-ranked run as values to measure: scores that only say the order."""
    run = {}
    for query in scored:
        order = query.reranked(depth)
        run[query.query_id] = {document: float(len(order) - above) for above, document in enumerate(order)}
    return run


def _with_windows(query: ScoredQuery, long: Sequence[int], windows: CandidateScores) -> ScoredQuery:
    """The query with the scores of these candidates from windows."""
    scores = list(query.scores)
    raw_scores = None if query.raw_scores is None else list(query.raw_scores)
    truncated = [False] * len(scores)
    for place, i in enumerate(long):
        scores[i] = windows.scores[place]
        if raw_scores is not None and windows.raw_scores is not None:
            raw_scores[i] = windows.raw_scores[place]
        truncated[i] = windows.truncated is not None and windows.truncated[place]
    share = 1 - len(long) / max(len(scores), 1)
    return replace(
        query,
        scores=tuple(scores),
        seconds=query.seconds * share + windows.seconds,
        truncated=None if windows.truncated is None else tuple(truncated),
        raw_scores=None if raw_scores is None else tuple(raw_scores),
    )
