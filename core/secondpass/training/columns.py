"""How examples become the columns of a loss: single pairs, lists, or lists with one positive.

Every function refuses examples that its losses cannot learn from, and warns of single ones that teach nothing.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

from secondpass.errors import InputError
from secondpass.errors.caller_warnings import warn_caller
from secondpass.training.config import Loss
from secondpass.training.examples import Example

# Values by column name, as many in each as there are rows.
Columns: TypeAlias = dict[str, list[Any]]

# A grade's height over the next lower one in `listwise`: as logits, odds of 5e8 to 1, so practically one-hot.
_CERTAIN = 20.0
# The highest grade of `lambdaloss`, whose gain is 2 ** grade: a list's sum of them must be finite in float32.
_HIGHEST_GRADE = 100


def pairs(examples: Sequence[Example]) -> Columns:
    """Single pairs, labelled by whether their grade is above 0, for `bce`."""
    _check_graded(examples, "bce")
    rows = [
        (example.query, document, float(score > 0))
        for example in examples
        for document, score in zip(example.documents, example.scores, strict=True)
    ]
    return {name: [row[i] for row in rows] for i, name in enumerate(("query", "document", "label"))}


def graded_lists(examples: Sequence[Example]) -> Columns:
    """Lists of documents with the grades that people gave, for `lambdaloss`."""
    _check_graded(examples, "lambdaloss")
    for example in examples:
        highest = max(example.scores, default=0.0)
        if highest > _HIGHEST_GRADE:
            raise InputError(
                f"lambdaloss must have grades of at most {_HIGHEST_GRADE}, got {highest:g} for {example.query!r}"
            )
    return _ordered_lists(examples, "lambdaloss")


def ranknet_lists(examples: Sequence[Example]) -> Columns:
    """Lists of documents with grades or with a teacher's scores, for `ranknet`, which learns their order alone."""
    for example in examples:
        if example.graded != examples[0].graded:
            kinds = ("labels", "a teacher's scores")
            given, before = kinds if example.graded else reversed(kinds)
            raise InputError(
                f"ranknet must have either labels or a teacher's scores to learn from, got {given} for "
                f"{example.query!r} after {before}"
            )
    return _ordered_lists(examples, "ranknet")


def teacher_lists(examples: Sequence[Example], loss: Loss) -> Columns:
    """Lists of documents with a teacher's scores, for a loss that learns how far apart they are."""
    for example in examples:
        if example.graded:
            raise InputError(f"{loss} must have a teacher's scores to learn from, got labels for {example.query!r}")
    return _lists(examples)


def one_positive_lists(examples: Sequence[Example]) -> Columns:
    """One list per positive, without the other positives; teacher-scored lists as they are."""
    singles = [_singles(example) if example.graded else [example] for example in examples]
    columns = _lists([single for of_example in singles for single in of_example])
    n_left_out = sum(not of_example for of_example in singles)
    if n_left_out:
        message = f"queries without a relevant document are left out of listwise: {n_left_out} of {len(examples)}"
        warn_caller(message, UserWarning)
    return columns


def _lists(examples: Sequence[Example]) -> Columns:
    """Lists of documents with their scores."""
    _check_lists(examples)
    return {
        "query": [example.query for example in examples],
        "documents": [list(example.documents) for example in examples],
        "label": [list(example.scores) for example in examples],
    }


def _ordered_lists(examples: Sequence[Example], loss: Loss) -> Columns:
    """Lists for a loss that learns which of two documents is the better one."""
    columns = _lists(examples)
    n_equal = sum(len(set(example.scores)) == 1 for example in examples)
    if n_equal == len(examples):
        raise InputError(f"{loss} must have a list in which documents differ in relevance to learn from, got none")
    if n_equal:
        message = f"lists whose documents are equally relevant teach {loss} nothing: {n_equal} of {len(examples)}"
        warn_caller(message, UserWarning)
    return columns


def _singles(example: Example) -> list[Example]:
    """An example per positive, each with all negatives."""
    scored = list(zip(example.documents, example.scores, strict=True))
    negatives = [document for document, grade in scored if grade <= 0]
    return [
        Example(example.query, (positive, *negatives), (_CERTAIN, *[0.0] * len(negatives)), graded=True)
        for positive, grade in scored
        if grade > 0
    ]


def _check_graded(examples: Sequence[Example], loss: Loss) -> None:
    """Raise InputError where a teacher's scores would be taken for grades."""
    for example in examples:
        if not example.graded:
            raise InputError(f"{loss} must have labels to learn from, got a teacher's scores for {example.query!r}")


def _check_lists(examples: Sequence[Example]) -> None:
    """Raise InputError unless there are lists, each of which compares documents."""
    if not examples:
        raise InputError("data must hold at least one query with a relevant document, got none")
    for example in examples:
        if len(example.documents) < 2:  # noqa: PLR2004 - one alone compares with nothing
            raise InputError(
                f"lists must hold at least two documents, got {len(example.documents)} for {example.query!r}"
            )
