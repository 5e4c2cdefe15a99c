"""What re-ranking did to a run: figures by measure and by depth, and the time they took."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from secondpass.errors import InputError
from secondpass.evaluation.abstention import Abstention
from secondpass.evaluation.candidates import count_truncated
from secondpass.evaluation.collection import Collection, warn_of_queries
from secondpass.evaluation.comparison import Comparison, compare
from secondpass.evaluation.measures import check_measures, per_query
from secondpass.evaluation.reranking import ScoredQuery, as_run
from secondpass.ir_files.qrels import Qrels
from secondpass.ir_files.runs import Run

# Depths that are measured on the way to the one that is asked for.
DEPTHS = (10, 20, 50, 100)


@dataclass(frozen=True, slots=True)
class DepthPoint:
    """Quality and time at one depth.

    Args:
        depth: Candidates re-ranked per query.
        value: Mean of the first measure.
        ms_per_query: Milliseconds to score those of a query that has any, from the time per document at full depth.
        candidates: How many a query that has any has within this depth, the mean: less than it where rankings are
            shorter.
    """

    depth: int
    value: float
    ms_per_query: float
    candidates: float


@dataclass(frozen=True, slots=True)
class Report:
    """One model on one run.

    Args:
        model: Its name.
        depth: Candidates re-ranked per query.
        comparisons: Before and after, by measure.
        depths: The first measure by depth, of which the last one is `depth`.
        n_documents: Documents scored.
        seconds: Wall-clock time of scoring them.
        per_query: Values of the first measure by query id, before and after.
        n_truncated: How many of the documents were not read to their end, or had a query beside them that was not; None
            where nobody says.
        abstention: What a threshold keeps; None where there was none.
    """

    model: str
    depth: int
    comparisons: Mapping[str, Comparison]
    depths: tuple[DepthPoint, ...]
    n_documents: int
    seconds: float
    per_query: Mapping[str, tuple[float, float]]
    n_truncated: int | None = None
    abstention: Abstention | None = None

    @property
    def documents_per_second(self) -> float:
        """Documents scored per second."""
        return self.n_documents / self.seconds if self.seconds > 0 else 0.0

    @property
    def ms_per_query(self) -> float:
        """Milliseconds per query that has candidates, at full depth."""
        return self.depths[-1].ms_per_query

    @property
    def candidates(self) -> float:
        """Candidates per query that has any, the mean: less than `depth` where rankings are shorter."""
        return self.depths[-1].candidates

    def compare_with(self, other: "Report") -> Comparison:
        """The first measure of two re-ranked runs of one first stage, query by query: `other` before, this one after.

        Raises:
            InputError: The reports are not of the same queries.
        """
        return compare(
            {query: value for query, (_, value) in other.per_query.items()},
            {query: value for query, (_, value) in self.per_query.items()},
        )

    def as_json(self) -> dict[str, object]:
        """The report as JSON holds it."""
        content: dict[str, object] = {
            "model": self.model,
            "depth": self.depth,
            "n_documents": self.n_documents,
            "n_truncated": self.n_truncated,
            "documents_per_second": round(self.documents_per_second, 2),
            "ms_per_query": round(self.ms_per_query, 3),
            "measures": {
                name: asdict(comparison) | {"difference": comparison.difference}
                for name, comparison in self.comparisons.items()
            },
            "depths": [asdict(point) for point in self.depths],
            "per_query": {query: list(values) for query, values in self.per_query.items()},
        }
        return content if self.abstention is None else content | {"abstention": self.abstention.as_json()}


def report(
    model: str,
    collection: Collection,
    run: Run,
    scored: Sequence[ScoredQuery],
    *,
    measures: Sequence[str],
    depth: int,
    smaller_depths: Sequence[int] = DEPTHS,
) -> Report:
    """Measure a run before and after re-ranking.

    A judged query that the run does not rank counts as 0, and a UserWarning says how many they are.

    Args:
        model: The model's name.
        collection: The queries and their judgements.
        run: The first stage.
        scored: The run's queries with the model's scores.
        measures: ir_measures names; the first one is also measured by query and by depth.
        depth: Candidates re-ranked per query.
        smaller_depths: Those that are measured as well, where they are smaller; none for a scorer whose scores depend
            on what else it scores, as a cascade's do: it would have to score again.

    Raises:
        InputError: There is no measure, or one that `per_query` refuses.
    """
    if not measures:
        raise InputError("measures must name at least one, got none")
    check_measures(measures)
    qrels = {query: grades for query, grades in collection.qrels.items() if query in collection.queries}
    unranked = [query for query in qrels if not run.get(query)]
    warn_of_queries("judged queries that the run does not rank count as 0", unranked, len(qrels))
    before = per_query(measures, qrels, {query: run[query] for query in qrels if query in run})
    after = per_query(measures, qrels, as_run(scored, depth=depth))
    first = measures[0]
    return Report(
        model,
        depth,
        {name: compare(before[name], after[name]) for name in measures},
        _by_depth(first, qrels, scored, [smaller for smaller in smaller_depths if smaller < depth] + [depth]),
        sum(len(query.scores) for query in scored),
        sum(query.seconds for query in scored),
        {query: (before[first][query], after[first][query]) for query in before[first]},
        count_truncated(scored),
    )


def _by_depth(
    measure: str, qrels: Qrels, scored: Sequence[ScoredQuery], depths: Sequence[int]
) -> tuple[DepthPoint, ...]:
    n_queries = max(sum(bool(query.scores) for query in scored), 1)
    n_documents = max(sum(len(query.scores) for query in scored), 1)
    milliseconds = 1000 * sum(query.seconds for query in scored)
    points = []
    for limit in depths:
        values = per_query([measure], qrels, as_run(scored, depth=limit))[measure]
        n_within = sum(min(len(query.scores), limit) for query in scored)
        ms_per_query = milliseconds * n_within / n_documents / n_queries
        points.append(DepthPoint(limit, sum(values.values()) / len(values), ms_per_query, n_within / n_queries))
    return tuple(points)
