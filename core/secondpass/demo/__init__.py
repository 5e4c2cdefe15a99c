"""A small real corpus with questions whose answers are known, for `secondpass demo`; see LICENSE.md for its sources."""

from dataclasses import dataclass
from importlib.resources import as_file, files

from secondpass.files import json_lines


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
    return {line["_id"]: Passage(line["_id"], line["title"], line["text"]) for line in _read("passages.jsonl.gz")}


def questions() -> list[Question]:
    """The questions."""
    return [Question(line["query"], line["passage"], line["answer"]) for line in _read("questions.jsonl")]


def _read(name: str) -> list[dict[str, str]]:
    with as_file(files(__name__) / name) as path:
        return [{key: str(value) for key, value in line.items()} for _, line in json_lines(path)]
