"""Judgements line by line into grades by query and document; what several of one document count as."""

from collections.abc import Iterable
from typing import Literal, TypeAlias, get_args

from secondpass.arguments import check_choice
from secondpass.errors import InputError

# Of several grades of a document for one query: the highest, the first, or none of them.
DuplicateJudgements: TypeAlias = Literal["highest", "first", "error"]


def collect_judgements(
    judgements: Iterable[tuple[str, str, str, int]], duplicates: DuplicateJudgements = "error"
) -> dict[str, dict[str, int]]:
    """Grades by query and document.

    Args:
        judgements: Where each one stands, its query, its document and its grade.
        duplicates: What a document that has several grades for one query counts as; one grade twice is no duplicate.

    Raises:
        InputError: A document has several grades for one query, and `duplicates` is "error".
    """
    check_choice("duplicate_judgements", duplicates, get_args(DuplicateJudgements))
    qrels: dict[str, dict[str, int]] = {}
    for where, query, document, grade in judgements:
        grades = qrels.setdefault(query, {})
        first = grades.setdefault(document, grade)
        if first == grade or duplicates == "first":
            continue
        if duplicates != "highest":
            raise InputError(
                f"{where}: a document must have one grade per query, {document!r} has {first} and {grade} for "
                f'{query!r}; duplicate_judgements="highest" or "first" takes one of them'
            )
        grades[document] = max(first, grade)
    return qrels
