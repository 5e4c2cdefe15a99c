"""Measures by their ir_measures names, per query."""

from collections.abc import Mapping, Sequence
from typing import Any

from secondpass.errors import InputError
from secondpass.evaluation.collection import Qrels, Run
from secondpass.extras import require

DEFAULT_MEASURES = ("nDCG@10", "RR@10", "AP", "R@100")

PerQuery = Mapping[str, Mapping[str, float]]
"""Values by measure and query id."""


# Two documents of which one is relevant: what every measure can be tried on.
_TRIAL_QRELS, _TRIAL_RUN = {"1": {"a": 1, "b": 0}}, {"1": {"a": 2.0, "b": 1.0}}


def check_measures(names: Sequence[str]) -> None:
    """Raise InputError unless ir_measures knows each name and can compute it here."""
    for name, measure in _parsed(names).items():
        from ir_measures import iter_calc  # noqa: PLC0415 - of an extra, which is there by now

        try:
            list(iter_calc([measure], _TRIAL_QRELS, _TRIAL_RUN))
        except Exception as error:  # each of ir_measures' providers fails in its own way
            reason = " ".join(str(error).split()) or type(error).__name__
            raise InputError(f"measure {name!r} cannot be computed: {reason}") from error


def per_query(names: Sequence[str], qrels: Qrels, run: Run) -> dict[str, dict[str, float]]:
    """Each measure of each judged query; 0 for a query the run does not answer.

    The values are ir_measures' own. Where a run ties, they follow the tool that ir_measures asks: trec_eval, which most
    measures come from, reads the larger document id first, MS MARCO's script, which gives `RR@k`, the smaller.

    Raises:
        InputError: A name is no measure.
    """
    measures = _parsed(names)
    from ir_measures import iter_calc  # noqa: PLC0415 - of an extra, which is there by now

    by_measure: dict[Any, dict[str, float]] = {measure: dict.fromkeys(qrels, 0.0) for measure in measures.values()}
    # All grades below 0 mean the same to every measure, but on a query that has none above -2, the Web Track's spam,
    # pytrec_eval writes past its counts and may end the process.
    graded = {query: {document: max(grade, -1) for document, grade in of.items()} for query, of in qrels.items()}
    # Judged@k divides by the length of an empty answer.
    answered = {query: ranked for query, ranked in run.items() if ranked}
    for found in iter_calc(list(by_measure), graded, answered):
        by_measure[found.measure][found.query_id] = float(found.value)
    return {name: by_measure[measure] for name, measure in measures.items()}


def deepest_cutoff(names: Sequence[str]) -> int:
    """How many documents of a ranking these measures look at, as far as their names say; at least 1."""
    return max((measure.params.get("cutoff", 1) for measure in _parsed(names).values()), default=1)


def _parsed(names: Sequence[str]) -> dict[str, Any]:
    require("ir_measures", feature="measuring rankings", extra="eval")
    import ir_measures  # noqa: PLC0415 - of an extra

    parsed = {}
    for name in names:
        try:
            parsed[name] = ir_measures.parse_measure(name)
            hash(parsed[name])  # finds parameters that the measure does not have
        except (NameError, ValueError, KeyError) as error:
            raise InputError(f"measure must be a name that ir_measures knows, such as nDCG@10, got {name!r}") from error
        cutoff = parsed[name].params.get("cutoff", 1)
        if not isinstance(cutoff, int) or cutoff < 1:  # at which trec_eval ends the whole process
            raise InputError(f"measure must have a cut-off of at least 1, got {name!r}")
    return parsed
