"""What one step learns from: a query, its documents, and how relevant each one is."""

import glob
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from secondpass.errors import InputError
from secondpass.files import json_lines


@dataclass(frozen=True, slots=True)
class Example:
    """A query with scored documents.

    Args:
        query: What is asked.
        documents: At least two for every recipe but `bce`.
        scores: A teacher's scores (unbounded), or grades (0 for not relevant).
        graded: Whether `scores` are grades that people gave.
    """

    query: str
    documents: tuple[str, ...]
    scores: tuple[float, ...]
    graded: bool


@dataclass(frozen=True, slots=True)
class Unmined:
    """A query with positives and no negatives yet."""

    query: str
    positives: tuple[str, ...]
    answers: tuple[str, ...] = ()


def read_examples(paths: Iterable[Path]) -> tuple[list[Example], list[Unmined]]:
    """The examples of JSONL files, and those that still need negatives.

    Raises:
        InputError: A line is neither a scored list nor a labelled example; file and line are named.
    """
    examples: list[Example] = []
    unmined: list[Unmined] = []
    for path in paths:
        for where, line in json_lines(path):
            found = _scored(line, where) if "scores" in line else _labelled(line, where)
            if isinstance(found, Example):
                examples.append(found)
            else:
                unmined.append(found)
    return examples, unmined


def expand(patterns: Sequence[str], folder: Path) -> list[Path]:
    """The files that patterns name, sorted; relative ones start from `folder`.

    Raises:
        InputError: A pattern names no file.
    """
    paths: list[Path] = []
    for pattern in patterns:
        found = sorted(glob.glob(str(folder / pattern)))  # noqa: PTH207 - Path.glob refuses absolute patterns
        if not found:
            raise InputError(f"no such file: {folder / pattern}")
        paths += map(Path, found)
    return paths


def _scored(line: dict[str, object], where: str) -> Example:
    query, documents = _text(line, "query", where), _texts(line, "documents", where)
    scores = line["scores"]
    if not isinstance(scores, list) or not all(isinstance(score, int | float) and isfinite(score) for score in scores):
        raise InputError(f"{where}: scores must be a list of finite numbers, got {str(scores)[:60]}")
    if len(scores) != len(documents):
        raise InputError(f"{where}: scores must be one a document, got {len(scores)} for {len(documents)} documents")
    return Example(query, documents, tuple(map(float, scores)), graded=False)


def _labelled(line: dict[str, object], where: str) -> Example | Unmined:
    query, positives = _text(line, "query", where), _texts(line, "positive", where)
    if "negative" not in line:
        return Unmined(query, positives, _texts(line, "answers", where) if "answers" in line else ())
    negatives = _texts(line, "negative", where)
    scores = (1.0,) * len(positives) + (0.0,) * len(negatives)
    return Example(query, positives + negatives, scores, graded=True)


def _text(line: dict[str, object], name: str, where: str) -> str:
    value = line.get(name)
    if not isinstance(value, str):
        raise InputError(f"{where}: {name} must be a string, got {str(value)[:60]}")
    return value


def _texts(line: dict[str, object], name: str, where: str) -> tuple[str, ...]:
    value = line.get(name)
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise InputError(f"{where}: {name} must be a string or a list of strings, got {str(value)[:60]}")
    return tuple(texts)
