"""Questions about long documents, with the characters that answer them."""

import csv
import io
import json
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from secondpass.files.text import read_text
from secondpass.tokenization.windows import Span

ItemT = TypeVar("ItemT")


@dataclass(frozen=True, slots=True)
class Question:
    """A question and what answers it.

    Args:
        text: What is asked.
        source: The article or corpus that holds the answers.
        answers: The characters of the source that answer.
    """

    text: str
    source: str
    answers: tuple[Span, ...]


def read_covid_qa(folder: Path) -> tuple[dict[str, str], dict[str, Question]]:
    """The articles and the questions, by id.

    234 of 1,380 offsets are wrong, most by one: of the places where the answer's text stands, the nearest counts.
    """
    texts, questions = {}, {}
    for article in json.loads(read_text(folder / "200423_covidQA.json.gz"))["data"]:
        (paragraph,) = article["paragraphs"]
        name, text = str(paragraph["document_id"]), paragraph["context"]
        texts[name] = text
        for question in paragraph["qas"]:
            (answer,) = question["answers"]
            span = nearest(answer["text"].strip(), text, answer["answer_start"])
            questions[str(question["id"])] = Question(question["question"], name, (span,))
    return texts, questions


def nearest(words: str, text: str, given: int) -> Span:
    """Where the words stand in a text, as near as can be to the given place."""
    starts = [match.start() for match in re.finditer(re.escape(words), text)]
    start = min(starts, key=lambda place: abs(place - given))
    return Span(start, start + len(words))


def read_chunking_evaluation(folder: Path) -> tuple[dict[str, str], dict[str, Question]]:
    """The corpora by name, and the questions by their number."""
    corpora = {path.name.removesuffix(".md.gz"): read_text(path) for path in (folder / "corpora").glob("*.md.gz")}
    rows = csv.DictReader(io.StringIO(read_text(folder / "questions_df.csv"), newline=""))
    return corpora, {
        str(number): Question(
            row["question"],
            row["corpus_id"],
            tuple(Span(answer["start_index"], answer["end_index"]) for answer in json.loads(row["references"])),
        )
        for number, row in enumerate(rows)
    }


def draw(questions: Mapping[str, ItemT], n: int | None, seed: int) -> dict[str, ItemT]:
    """Some of the questions: the first ones of a random order."""
    order = sorted(questions)
    random.Random(seed).shuffle(order)  # noqa: S311 - no secret
    return {key: questions[key] for key in order[:n]}
