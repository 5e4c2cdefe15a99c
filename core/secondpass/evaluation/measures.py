"""Measures by their ir_measures names, per query."""

from collections.abc import Mapping, Sequence
from typing import Any

from secondpass.errors import InputError, MissingExtraError
from secondpass.evaluation.collections import Qrels, Run

DEFAULT_MEASURES = ("nDCG@10", "RR@10", "AP", "R@100")

PerQuery = Mapping[str, Mapping[str, float]]
"""Values by measure and query id."""


def check_measures(names: Sequence[str]) -> None:
    """Raise InputError unless ir_measures knows each name."""
    _parsed(names)


def per_query(names: Sequence[str], qrels: Qrels, run: Run) -> dict[str, dict[str, float]]:
    """Each measure of each judged query; 0 for a query the run does not answer.

    Raises:
        InputError: A name is no measure.
    """
    measures = _parsed(names)
    from ir_measures import iter_calc  # noqa: PLC0415 - of an extra, which is there by now

    values = {name: dict.fromkeys(qrels, 0.0) for name in measures}
    shown = {str(measure): name for name, measure in measures.items()}
    for found in iter_calc(list(measures.values()), qrels, run):
        values[shown[str(found.measure)]][found.query_id] = float(found.value)
    return values


def _parsed(names: Sequence[str]) -> dict[str, Any]:
    try:
        import ir_measures  # noqa: PLC0415 - of an extra
    except ModuleNotFoundError as error:
        raise MissingExtraError("measuring rankings", "eval") from error
    parsed = {}
    for name in names:
        try:
            parsed[name] = ir_measures.parse_measure(name)
        except (NameError, ValueError) as error:
            raise InputError(f"measure must be a name that ir_measures knows, such as nDCG@10, got {name!r}") from error
    return parsed
