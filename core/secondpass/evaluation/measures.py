"""Measures by their ir_measures names, per query."""

import itertools
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from secondpass.arguments import in_one_line
from secondpass.errors import InputError
from secondpass.extras import require
from secondpass.ir_files.columns import check_grade
from secondpass.ir_files.qrels import Qrels
from secondpass.ir_files.runs import Run

if TYPE_CHECKING:
    from ir_measures import Measure

DEFAULT_MEASURES = ("nDCG@10", "RR@10", "AP", "R@100")

# The highest grade of gdeval.pl, which gives ERR@k and nDCG(dcg="exp-log2")@k: by it a grade becomes the probability of
# being satisfied (Chapelle et al., 2009).
_HIGHEST_GRADE_OF_GDEVAL = 4

# Two documents of which one is relevant: every measure can be tried on them.
_TRIAL_QRELS, _TRIAL_RUN = {"1": {"a": 1, "b": 0}}, {"1": {"a": 2.0, "b": 1.0}}


def check_measures(names: Sequence[str]) -> None:
    """Raise InputError unless ir_measures knows each name and can compute it here."""
    for name, measure in _parse(names).items():
        try:
            _try(measure)
        except Exception as error:  # each of ir_measures' providers fails in its own way
            raise InputError(f"measure {name!r} cannot be computed: {in_one_line(error)}") from error


@lru_cache(maxsize=64)  # some are computed by programs that have to start
def _try(measure: "Measure") -> None:
    """Compute a measure, to find out whether that goes here."""
    from ir_measures import iter_calc  # noqa: PLC0415 - of an extra, which `_parse` has asked for

    list(iter_calc([measure], _TRIAL_QRELS, _TRIAL_RUN))


def check_grades(names: Sequence[str], qrels: Qrels) -> None:
    """Raise InputError unless the measures can count these grades."""
    measures = _parse(names)
    from ir_measures.providers import registry  # noqa: PLC0415 - of an extra, which `_parse` has asked for

    limited = [name for name, measure in measures.items() if registry["gdeval"].supports(measure)]
    for query, grades in qrels.items():
        for document, grade in grades.items():
            where = f"query {query!r}, document {document!r}"
            check_grade(grade, where)
            if limited and grade > _HIGHEST_GRADE_OF_GDEVAL:
                raise InputError(
                    f"{where}: a grade must be at most {_HIGHEST_GRADE_OF_GDEVAL} for {limited[0]}, got {grade}"
                )


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
        InputError: A name is not a measure, or of one that cannot be computed here; or a grade is too large for one.
    """
    check_measures(names)
    check_grades(names, qrels)
    measures = _parse(names)
    from ir_measures import iter_calc  # noqa: PLC0415 - of an extra, which `_parse` has asked for

    by_measure = {measure: dict.fromkeys(qrels, 0.0) for measure in measures.values()}
    # Tools read ids in their own ways: gdeval.pl takes digits alone for a query, and no spaces. So they get numbers.
    queries = {query: str(number) for number, query in enumerate(qrels)}
    # Judged@k divides by the length of an empty answer.
    answered = {query: run[query] for query in qrels if run.get(query)}
    documents = _numbered(itertools.chain(*qrels.values(), *answered.values()))
    # All grades below 0 mean the same to every measure, but on a query that has none above -2, the Web Track's spam,
    # pytrec_eval writes past its counts and may end the process.
    graded = {
        queries[query]: {documents[document]: max(grade, -1) for document, grade in grades.items()}
        for query, grades in qrels.items()
    }
    scored = {
        queries[query]: {documents[document]: score for document, score in ranked.items()}
        for query, ranked in answered.items()
    }
    query_ids = list(qrels)
    for metric in iter_calc(list(by_measure), graded, scored):
        by_measure[metric.measure][query_ids[int(metric.query_id)]] = float(metric.value)
    return {name: by_measure[measure] for name, measure in measures.items()}


def deepest_cutoff(names: Sequence[str]) -> int:
    """How many documents of a ranking these measures look at, as far as their names say; at least 1."""
    return max((measure.params.get("cutoff", 1) for measure in _parse(names).values()), default=1)


def _numbered(documents: Iterable[str]) -> dict[str, str]:
    """Numbers for document ids, in the order of the ids, by which tools order documents of the same score."""
    ids = sorted(set(documents))
    width = len(str(len(ids)))
    return {document: f"{number:0{width}}" for number, document in enumerate(ids)}


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
