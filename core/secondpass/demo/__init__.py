"""A small real corpus with questions whose answers are known, for `secondpass demo`; see LICENSE.md for its sources."""

from dataclasses import dataclass
from importlib.resources import as_file, files
from typing import cast

from secondpass.files.json_lines import json_lines

BI_ENCODER_DEPTH = 100
"""How many of BM25's candidates for a question the bi-encoder put in order."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage of the corpus."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """A question a person asked.

    Args:
        text: What is asked.
        passage: Id of the passage that was labelled as answering it.
        answer: What that passage says.
    """

    text: str
    passage: str
    answer: str


def passages() -> dict[str, Passage]:
    """The corpus, by id."""
    lines = _read("passages.jsonl.gz")
    return {str(line["_id"]): Passage(str(line["_id"]), str(line["title"]), str(line["text"])) for line in lines}


def questions() -> list[Question]:
    """A few questions, chosen so that BM25 finds some of the answers at once and others late."""
    return _read_questions("questions.jsonl")


def all_questions() -> list[Question]:
    """Every question that was held out and has its passage in the corpus, the few among them."""
    return _read_questions("all_questions.jsonl")


def bi_encoder_orders() -> dict[str, list[str]]:
    """What a bi-encoder makes of BM25's candidates for `all_questions`.

    Returns:
        Ids of BM25's best `BI_ENCODER_DEPTH` passages, of all that it finds where those are fewer, by a question's
        text; the highest cosine by all-MiniLM-L6-v2 comes first.
    """
    lines = _read("bi_encoder.jsonl.gz")
    return {str(line["query"]): [str(key) for key in cast("list[object]", line["passages"])] for line in lines}


def _read_questions(name: str) -> list[Question]:
    return [Question(str(line["query"]), str(line["passage"]), str(line["answer"])) for line in _read(name)]


def _read(name: str) -> list[dict[str, object]]:
    with as_file(files(__name__) / name) as path:
        return [line for _, line in json_lines(path)]
