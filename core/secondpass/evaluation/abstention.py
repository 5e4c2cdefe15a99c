"""What a threshold keeps: whether nothing is left where nothing answers, and only there."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from secondpass.errors import InputError
from secondpass.evaluation.collection import Collection
from secondpass.evaluation.reranking import ScoredQuery
from secondpass.ranking import ScoreMap
from secondpass.ranking.request_checks import check_score_threshold


@dataclass(frozen=True, slots=True)
class Kept:
    """What a threshold keeps of the candidates of some queries.

    Args:
        n_queries: Number of the queries.
        n_empty: Number of those of which nothing is kept.
        n_without_candidates: Number of those for which the first stage found nothing; they are among the empty ones.
        n_kept: Number of documents that are kept, of all queries.
    """

    n_queries: int
    n_empty: int
    n_without_candidates: int
    n_kept: int

    @property
    def empty_share(self) -> float | None:
        """Share of the queries of which nothing is kept, from 0.0 to 1.0; None without queries."""
        return self.n_empty / self.n_queries if self.n_queries else None

    @property
    def kept_per_query(self) -> float | None:
        """Documents kept per query, the mean; None without queries."""
        return self.n_kept / self.n_queries if self.n_queries else None

    def as_json(self) -> dict[str, object]:
        """The figures as JSON holds them."""
        return asdict(self) | {"empty_share": self.empty_share, "kept_per_query": self.kept_per_query}


@dataclass(frozen=True, slots=True)
class Abstention:
    """How often a threshold leaves nothing: right where nothing answers, wrong where something does.

    Args:
        score_threshold: Documents that score at least this much are kept.
        answerable: Of the queries that have a relevant document, whether or not the first stage found it.
        unanswerable: Of the queries that are known to have none; None where there are no such queries.
    """

    score_threshold: float
    answerable: Kept
    unanswerable: Kept | None = None

    def as_json(self) -> dict[str, object]:
        """The figures as JSON holds them."""
        return {
            "score_threshold": self.score_threshold,
            "answerable": self.answerable.as_json(),
            "unanswerable": None if self.unanswerable is None else self.unanswerable.as_json(),
        }


def measure_abstention(
    collection: Collection,
    scored: Sequence[ScoredQuery],
    score_threshold: float,
    *,
    unanswerable: Sequence[ScoredQuery] | None = None,
    score_map: ScoreMap | None = None,
) -> Abstention:
    """Count what a threshold keeps, as `rank` applies it.

    Args:
        collection: The judgements; answerable are the queries with text for which a document has a grade above 0.
        scored: The judged queries with their scores, as `rerank` gives them; one that is missing keeps nothing.
        score_threshold: Keep scores of at least this much.
        unanswerable: Queries that are known to have no answer, as `score_run` gives them.
        score_map: What scores become before the threshold, such as a `Calibration`; None leaves them as they are.

    Raises:
        InputError: The threshold is not a number, or an unanswerable query has a relevant document.
    """
    check_score_threshold(score_threshold)
    answerable = [
        query
        for query, grades in collection.qrels.items()
        if query in collection.queries and any(grade > 0 for grade in grades.values())
    ]
    for query in unanswerable or ():
        if query.query_id in answerable:
            raise InputError(f"unanswerable queries must have no relevant document, {query.query_id!r} has one")
    by_id = {query.query_id: query.scores for query in scored}
    return Abstention(
        score_threshold,
        _count((by_id.get(query, ()) for query in answerable), score_threshold, score_map),
        None if unanswerable is None else _count((query.scores for query in unanswerable), score_threshold, score_map),
    )


def _count(scores: Iterable[Sequence[float]], score_threshold: float, score_map: ScoreMap | None) -> Kept:
    """Count over the scores of each query."""
    n_candidates, n_kept = [], []
    for of_query in scores:
        mapped = of_query if score_map is None else map(score_map, of_query)
        n_candidates.append(len(of_query))
        n_kept.append(sum(score >= score_threshold for score in mapped))
    return Kept(len(n_kept), n_kept.count(0), n_candidates.count(0), sum(n_kept))
