"""Training examples: a query, its documents, and how relevant each one is."""

import glob
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from secondpass.errors import InputError
from secondpass.files.json_fields import Record, numbers_field, refuse_misspelt, text_field, texts_field
from secondpass.files.json_lines import json_lines

FIELDS = ("query", "positive", "negative", "answers", "documents", "scores")
"""All fields of an example; others, such as ids, are not read."""


@dataclass(frozen=True, slots=True)
class Example:
    """A query with scored documents.

    Args:
        query: The query's text.
        documents: The documents' texts; at least two for every recipe but `bce`.
        scores: A teacher's scores (unbounded), or grades (0 for not relevant).
        graded: Whether `scores` are grades that people gave.
    """

    query: str
    documents: tuple[str, ...]
    scores: tuple[float, ...]
    graded: bool


@dataclass(frozen=True, slots=True)
class LabelledQuery:
    """A query with its positives, for which negatives are still to be mined.

    Args:
        query: The query's text.
        positives: The relevant documents.
        answers: Strings that only relevant documents hold; no negative will hold one.
    """

    query: str
    positives: tuple[str, ...]
    answers: tuple[str, ...] = ()


def read_examples(paths: Iterable[Path]) -> tuple[list[Example], list[LabelledQuery]]:
    """The examples of JSONL files, and those that still need negatives.

    Raises:
        InputError: A line is neither a scored list nor a labelled example, or has a field of nearly a known name; file
            and line are named.
    """
    examples: list[Example] = []
    queries: list[LabelledQuery] = []
    for path in paths:
        for where, record in json_lines(path):
            refuse_misspelt(record, FIELDS, where)  # without `negative`, others would be mined
            example = _scored(record, where) if "scores" in record else _labelled(record, where)
            if isinstance(example, Example):
                examples.append(example)
            else:
                queries.append(example)
    return examples, queries


def read_teacher_lists(path: Path) -> list[Example] | None:
    """The lists of a JSONL file that a teacher scored; None if its first line has no `scores`.

    Raises:
        InputError: A later line is not such a list, or one has fewer than two documents: they have no order.
    """
    lists: list[Example] = []
    for where, record in json_lines(path):
        if not lists and "scores" not in record:
            return None
        example = _scored(record, where)
        if len(example.documents) < 2:  # noqa: PLR2004 - one alone compares with nothing
            raise InputError(f"{where}: documents must be at least two, got {len(example.documents)}")
        lists.append(example)
    return lists or None


def expand(patterns: Sequence[str], folder: Path) -> list[Path]:
    """The files that names and patterns name, sorted; relative ones start from `folder`, which is no pattern.

    Raises:
        InputError: A pattern names no file.
    """
    paths: list[Path] = []
    for pattern in patterns:
        named = folder / pattern
        if os.path.exists(named):  # noqa: PTH110 - Path's raises for a name that is too long for any file
            paths.append(named)
            continue
        anchored = os.path.join(glob.escape(str(folder)), pattern)  # noqa: PTH118 - a pattern, which may be absolute
        matches = sorted(glob.glob(anchored))  # noqa: PTH207 - Path.glob refuses absolute patterns
        if not matches:
            raise InputError(f"no such file: {named}")
        paths += map(Path, matches)
    return paths


def _scored(record: Record, where: str) -> Example:
    query, documents = text_field(record, "query", where), texts_field(record, "documents", where)
    scores = numbers_field(record, "scores", where)
    if len(scores) != len(documents):
        raise InputError(f"{where}: scores must be one per document, got {len(scores)} for {len(documents)} documents")
    return Example(query, documents, scores, graded=False)


def _labelled(record: Record, where: str) -> Example | LabelledQuery:
    query, positives = text_field(record, "query", where), texts_field(record, "positive", where)
    if "negative" not in record:
        return LabelledQuery(query, positives, texts_field(record, "answers", where) if "answers" in record else ())
    negatives = texts_field(record, "negative", where)
    scores = (1.0,) * len(positives) + (0.0,) * len(negatives)
    return Example(query, positives + negatives, scores, graded=True)
