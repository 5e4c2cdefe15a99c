"""Measures by their ir_measures names, per query."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from secondpass.errors import InputError
from secondpass.evaluation.collection import Qrels
from secondpass.evaluation.runs import Run
from secondpass.evaluation.trec import check_grade
from secondpass.extras import require

if TYPE_CHECKING:
    from ir_measures import Measure

DEFAULT_MEASURES = ("nDCG@10", "RR@10", "AP", "R@100")

# Two documents of which one is relevant: every measure can be tried on them.
_TRIAL_QRELS, _TRIAL_RUN = {"1": {"a": 1, "b": 0}}, {"1": {"a": 2.0, "b": 1.0}}


def check_measures(names: Sequence[str]) -> None:
    """Raise InputError unless ir_measures knows each name and can compute it here."""
    measures = _parse(names)
    from ir_measures import iter_calc  # noqa: PLC0415 - of an extra, which `_parse` has asked for

    for name, measure in measures.items():
        try:
            list(iter_calc([measure], _TRIAL_QRELS, _TRIAL_RUN))
        except Exception as error:  # each of ir_measures' providers fails in its own way
            reason = " ".join(str(error).split()) or type(error).__name__
            raise InputError(f"measure {name!r} cannot be computed: {reason}") from error


def per_query(names: Sequence[str], qrels: Qrels, run: Run) -> dict[str, dict[str, float]]:
    """Each measure of each judged query; 0 for a query the run does not answer.

    The values are ir_measures' own. Where a run ties, they follow the tool that ir_measures asks: trec_eval, which most
    measures come from, reads the larger document id first, MS MARCO's script, which gives `RR@k`, the smaller.

    Args:
        names: ir_measures names.
        qrels: The judged queries.
        run: The run to measure.

    Returns:
        Values by measure name and query id.

    Raises:
        InputError: A name is not a measure, or a grade is too large for trec_eval.
    """
    measures = _parse(names)
    for query, grades in qrels.items():
        for document, grade in grades.items():
            check_grade(grade, f"query {query!r}, document {document!r}")
    from ir_measures import iter_calc  # noqa: PLC0415 - of an extra, which `_parse` has asked for

    by_measure = {measure: dict.fromkeys(qrels, 0.0) for measure in measures.values()}
    # All grades below 0 mean the same to every measure, but on a query that has none above -2, the Web Track's spam,
    # pytrec_eval writes past its counts and may end the process.
    graded = {
        query: {document: max(grade, -1) for document, grade in grades.items()} for query, grades in qrels.items()
    }
    # Judged@k divides by the length of an empty answer.
    answered = {query: ranked for query, ranked in run.items() if ranked}
    for metric in iter_calc(list(by_measure), graded, answered):
        by_measure[metric.measure][metric.query_id] = float(metric.value)
    return {name: by_measure[measure] for name, measure in measures.items()}


def deepest_cutoff(names: Sequence[str]) -> int:
    """How many documents of a ranking these measures look at, as far as their names say; at least 1."""
    return max((measure.params.get("cutoff", 1) for measure in _parse(names).values()), default=1)


def _parse(names: Sequence[str]) -> "dict[str, Measure]":
    """The measures by their names, every one with parameters that it has and a cut-off that can be computed."""
    require("ir_measures", feature="measuring rankings", extra="eval")
    import ir_measures  # noqa: PLC0415 - of an extra

    measures = {}
    for name in names:
        try:
            measure = ir_measures.parse_measure(name)
            hash(measure)  # finds parameters that the measure does not have
        except (NameError, ValueError, KeyError) as error:
            raise InputError(f"measure must be a name that ir_measures knows, such as nDCG@10, got {name!r}") from error
        cutoff = measure.params.get("cutoff", 1)
        if not isinstance(cutoff, int) or cutoff < 1:  # at which trec_eval ends the whole process
            raise InputError(f"measure must have a cut-off of at least 1, got {name!r}")
        measures[name] = measure
    return measures
