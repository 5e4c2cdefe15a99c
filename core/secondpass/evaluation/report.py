"""What re-ranking did to a run: figures by measure, by depth, and their price."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from secondpass.evaluation.collection import Collection, Run
from secondpass.evaluation.comparison import Comparison, compare
from secondpass.evaluation.measures import per_query
from secondpass.evaluation.reranking import ScoredQuery, as_run

DEPTHS = (10, 20, 50, 100)


@dataclass(frozen=True, slots=True)
class DepthPoint:
    """Quality and time at one depth.

    Args:
        depth: Candidates re-ranked a query.
        value: Mean of the first measure.
        ms_per_query: Time of scoring so many, from the time a document took at full depth; milliseconds.
    """

    depth: int
    value: float
    ms_per_query: float


@dataclass(frozen=True, slots=True)
class Report:
    """One model on one run.

    Args:
        model: Its name.
        depth: Candidates re-ranked a query.
        comparisons: Before and after, by measure.
        depths: The first measure by depth.
        n_documents: Documents scored.
        seconds: Wall-clock time of scoring them.
        per_query: Values of the first measure by query id, before and after.
    """

    model: str
    depth: int
    comparisons: Mapping[str, Comparison]
    depths: tuple[DepthPoint, ...]
    n_documents: int
    seconds: float
    per_query: Mapping[str, tuple[float, float]]

    @property
    def documents_per_second(self) -> float:
        """Documents scored in a second."""
        return self.n_documents / self.seconds if self.seconds > 0 else 0.0

    @property
    def ms_per_query(self) -> float:
        """Milliseconds of a query that has candidates, at full depth."""
        return self.depths[-1].ms_per_query if self.depths else 0.0

    def as_json(self) -> dict[str, object]:
        """The report as JSON holds it."""
        return {
            "model": self.model,
            "depth": self.depth,
            "documents_per_second": round(self.documents_per_second, 2),
            "ms_per_query": round(self.ms_per_query, 3),
            "measures": {name: asdict(one) | {"difference": one.difference} for name, one in self.comparisons.items()},
            "depths": [asdict(point) for point in self.depths],
            "per_query": {query: list(values) for query, values in self.per_query.items()},
        }


def report(
    model: str, collection: Collection, run: Run, scored: Sequence[ScoredQuery], *, measures: Sequence[str], depth: int
) -> Report:
    """Measure a run before and after; queries that the run does not answer count as they are, 0.

    Args:
        model: Its name.
        collection: For its judgements.
        run: The first stage.
        scored: The model's scores of its heads.
        measures: ir_measures names; the first one is drawn by query and by depth.
        depth: Candidates re-ranked a query.
    """
    qrels = {query: grades for query, grades in collection.qrels.items() if query in collection.queries}
    before = per_query(measures, qrels, {query: run[query] for query in qrels if query in run})
    after = per_query(measures, qrels, as_run(scored, depth=depth))
    first = measures[0]
    n_documents = sum(len(one.scores) for one in scored)
    seconds = sum(one.seconds for one in scored)
    n_queries = max(len(scored), 1)
    points = []
    for limit in [at for at in DEPTHS if at < depth] + [depth]:
        values = per_query([first], qrels, as_run(scored, depth=limit))[first]
        share = sum(min(len(one.scores), limit) for one in scored) / max(n_documents, 1)
        points.append(DepthPoint(limit, sum(values.values()) / len(values), 1000 * seconds * share / n_queries))
    return Report(
        model,
        depth,
        {name: compare(before[name], after[name]) for name in measures},
        tuple(points),
        n_documents,
        seconds,
        {query: (before[first][query], after[first][query]) for query in before[first]},
    )
