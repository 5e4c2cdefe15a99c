"""Whatever a field holds, every reader of data takes it as documented or refuses it with file and line."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from secondpass.cli.documents import read_documents as read_ranked
from secondpass.errors import InputError
from secondpass.evaluation import read_qrels, read_run, read_samples
from secondpass.ir_files.texts import read_documents, read_queries
from secondpass.training.examples import read_examples

Value: TypeAlias = object

# Any JSON value, with what Python's reader also takes for one: NaN, infinities and halves of surrogate pairs.
CHARACTERS = st.characters(codec=None, exclude_categories=())
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(CHARACTERS, max_size=8)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
)


def is_text(value: Value) -> bool:
    return isinstance(value, str) and not any("\ud800" <= character <= "\udfff" for character in value)


def is_title(value: Value) -> bool:
    return value is None or is_text(value)


def is_id(value: Value) -> bool:
    return (is_text(value) and value != "") or (isinstance(value, int) and not isinstance(value, bool))


def is_grade(value: Value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= 1_000_000


def is_texts(value: Value) -> bool:
    return is_text(value) or (isinstance(value, list) and all(map(is_text, value)))


def is_score_list(value: Value) -> bool:
    def is_score(score: Value) -> bool:
        return isinstance(score, int | float) and not isinstance(score, bool) and abs(score) < 3.4e38

    return isinstance(value, list) and len(value) == 1 and all(map(is_score, value))


def is_anything(value: Value) -> bool:
    del value
    return True


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a reader's records, what it may hold, and how what was read shows it."""

    name: str
    read: Callable[[Path], object]
    record: dict[str, object]
    holds: Callable[[Value], bool]
    shown: Callable[[Value], object]


def texts(value: Value) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)  # type: ignore[arg-type] # a list of strings


DOCUMENT: dict[str, object] = {"_id": "new", "title": "", "text": "x"}
JUDGED: dict[str, object] = {"query-id": "q", "corpus-id": "new", "score": 1}
SAMPLE: dict[str, object] = {"query": "q", "positive": ["p"], "negative": ["n"]}
ORDERED: dict[str, object] = {"query": "q", "positive": ["p"], "documents": ["n"]}
TAUGHT: dict[str, object] = {"query": "q", "documents": ["n"], "scores": [1.0]}
MINED: dict[str, object] = {"query": "q", "positive": ["p"], "answers": ["n"]}


def last_document(path: Path) -> tuple[str, str]:
    return list(read_documents(path).items())[-1]


def last_query(path: Path) -> tuple[str, str]:
    return list(read_queries(path).items())[-1]


def last_ranked(path: Path) -> tuple[str, str]:
    document = read_ranked([path])[-1]
    return document.id, document.text


def last_judgement(path: Path) -> tuple[str, str, int]:
    query, grades = list(read_qrels(path).items())[-1]
    return query, *list(grades.items())[-1]


def last_sample(path: Path) -> object:
    sample = read_samples(path)[-1]
    return sample.query, sample.positives, sample.others


def last_example(path: Path) -> object:
    example = read_examples([path])[0][-1]
    return example.query, example.documents, example.scores


def last_unmined(path: Path) -> object:
    query = read_examples([path])[1][-1]
    return query.query, query.positives, query.answers


FIELDS = [
    Field("_id", last_document, DOCUMENT, is_id, lambda value: (str(value), "x")),
    Field("text", last_document, DOCUMENT, is_text, lambda value: ("new", str(value).strip())),
    Field("title", last_document, DOCUMENT, is_title, lambda value: ("new", f"{value or ''} x".strip())),
    Field("author", last_document, DOCUMENT, is_anything, lambda _: ("new", "x")),
    Field("_id", last_query, DOCUMENT, is_id, lambda value: (str(value), "x")),
    Field("text", last_query, DOCUMENT, is_text, lambda value: ("new", value)),
    Field("_id", last_ranked, DOCUMENT, is_id, lambda value: (str(value), "x")),
    Field("text", last_ranked, DOCUMENT, is_text, lambda value: ("new", value)),
    Field("title", last_ranked, DOCUMENT, is_title, lambda value: ("new", f"{value} x" if value else "x")),
    Field("query-id", last_judgement, JUDGED, is_id, lambda value: (str(value), "new", 1)),
    Field("corpus-id", last_judgement, JUDGED, is_id, lambda value: ("q", str(value), 1)),
    Field("score", last_judgement, JUDGED, is_grade, lambda value: ("q", "new", value)),
    Field("query", last_sample, SAMPLE, is_text, lambda value: (value, ("p",), ("n",))),
    Field("positive", last_sample, SAMPLE, is_texts, lambda value: ("q", texts(value), ("n",))),
    Field("negative", last_sample, SAMPLE, is_texts, lambda value: ("q", ("p",), texts(value))),
    Field("documents", last_sample, ORDERED, is_texts, lambda value: ("q", ("p",), texts(value))),
    Field("query", last_example, SAMPLE, is_text, lambda value: (value, ("p", "n"), (1.0, 0.0))),
    Field("scores", last_example, TAUGHT, is_score_list, lambda value: ("q", ("n",), tuple(value))),  # type: ignore[arg-type] # a list
    Field("answers", last_unmined, MINED, is_texts, lambda value: ("q", ("p",), texts(value))),
]
FIRST = {
    last_document: '{"_id": "first", "text": "t"}', last_query: '{"_id": "first", "text": "t"}',
    last_ranked: '{"_id": "first", "text": "t"}',
    last_judgement: '{"query-id": "first", "corpus-id": "first", "score": 0}',
    last_sample: json.dumps(SAMPLE), last_example: json.dumps(TAUGHT), last_unmined: json.dumps(MINED),
}  # fmt: skip


def is_json(value: Value) -> bool:
    """Whether a value has no NaN or infinity anywhere, which JSON does not have."""
    if isinstance(value, list):
        return all(map(is_json, value))
    if isinstance(value, dict):
        return all(map(is_json, value.values()))
    return not isinstance(value, float) or math.isfinite(value)


def check(field: Field, value: Value, path: Path) -> None:
    line = json.dumps(field.record | {field.name: value})
    path.write_text(f"{FIRST[field.read]}\n{line}\n")  # type: ignore[index] # every reader has its first line
    if is_json(value) and field.holds(value):
        assert field.read(path) == field.shown(value)
        return
    with pytest.raises(InputError, match=f"{path.name}:2: "):
        field.read(path)


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: f"{field.read.__name__}-{field.name}")
@given(value=VALUES)
@example(value=math.nan)
@example(value=math.inf)
@example(value=["a"])
@example(value=[math.nan])
@example(value=3)
@example(value=True)
@example(value="")
@example(value="1_0")
@example(value="\ud83d")
@example(value=["\ud83d"])
@example(value=[True])
@example(value=[10**400])
@example(value=[1e300])
@example(value=10**400)
def test_any_value_of_any_field_is_read_as_documented_or_refused(
    field: Field, value: Value, tmp_path_factory: pytest.TempPathFactory
) -> None:
    check(field, value, tmp_path_factory.getbasetemp() / "any.jsonl")


READERS = [read_documents, read_queries, read_qrels, read_samples, lambda path: read_examples([path])]


@pytest.mark.parametrize("read", [*READERS, lambda path: read_ranked([path])])
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("[" * 99_999 + "]" * 99_999, "nested too deeply"),
        ('{"a":' * 99_999 + "1" + "}" * 99_999, "nested too deeply"),
        ("9" * 5_000, "a number of more than 4300 digits"),
        ("NaN", "NaN is not a JSON value"),
        ("-Infinity", "-Infinity is not a JSON value"),
        ('1, "other": 2', "other appears twice"),
        ('[{"deep": {"x": 1, "x": 2}}]', "x appears twice"),
    ],
)
def test_what_python_reads_or_chokes_on_is_not_json(
    read: Callable[[Path], object], value: str, reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "odd.jsonl"
    path.write_text(f'{{"other": {value}}}\n')
    with pytest.raises(InputError, match=f"odd.jsonl:1: must be JSON, got .*{reason}"):
        read(path)


# What may stand in a column of a file with tabs: anything but what ends columns and lines.
IDS = st.text(st.characters(codec="utf-8", exclude_characters="\t\n\r\ufeff"), min_size=1, max_size=6)


@pytest.mark.parametrize("header", ["", "query-id\tcorpus-id\tscore\n"])
@pytest.mark.parametrize("name", ["qrels.tsv", "qrels.trec"])
@given(query=IDS, document=IDS, grade=st.integers(-9, 9))
@example(query="q 1", document="d", grade=1)
@example(query="q", document="d 1", grade=1)
@example(query=" ", document=" d", grade=1)
def test_between_tabs_an_id_is_read_whole_or_refused(
    header: str, name: str, query: str, document: str, grade: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / name
    path.write_text(f"{header}{query}\t{document}\t{grade}\n", encoding="utf-8")
    if header or name.endswith(".tsv"):
        assert read_qrels(path) == {query: {document: grade}}
        return
    columns = [text.strip(" \f\v") for text in (query, document)]
    if all(columns) and not any(character in column for column in columns for character in " \f\v"):
        assert read_qrels(path) == {columns[0]: {columns[1]: grade}}
        return
    with pytest.raises(InputError, match=r"qrels.trec:1: (columns must be separated by tabs or|qrels must have 4)"):
        read_qrels(path)


NOT_NUMBERS = ["1_0", "+1", "\u0661", "\uff11", "0x1", " ", "1e1_0", "NaN", "1 0", "9" * 5_000]


@pytest.mark.parametrize("text", [*NOT_NUMBERS, "1.0", "1000001", "-1000001"])
def test_a_grade_is_written_in_plain_digits(text: str, tmp_path: Path) -> None:
    path = tmp_path / "qrels.tsv"
    path.write_text(f"q\t0\td\t1\nq\t0\te\t{text}\n")
    with pytest.raises(InputError, match=r"qrels.tsv:2: a grade must be an integer from -1000000 to 1000000, got"):
        read_qrels(path)


@pytest.mark.parametrize("text", NOT_NUMBERS)
def test_a_score_is_written_in_plain_digits(text: str, tmp_path: Path) -> None:
    path = tmp_path / "run.tsv"
    path.write_text(f"q\tQ0\td\t1\t1\tt\nq\tQ0\te\t2\t{text}\tt\n")
    if text == "9" * 5_000:  # as trec_eval reads what is beyond its numbers
        assert read_run(path)["q"]["e"] == math.inf
        return
    with pytest.raises(InputError, match=r"run.tsv:2: a score must be a number, got"):
        read_run(path)


@pytest.mark.parametrize(
    ("text", "value"), [("1", 1), ("-2.5", -2.5), ("1e-3", 0.001), (".5", 0.5), ("2.", 2), ("-inf", -math.inf)]
)
def test_the_scores_that_programs_write_are_read(text: str, value: float, tmp_path: Path) -> None:
    (tmp_path / "run.trec").write_text(f"q Q0 d 1 {text} t\n")
    assert read_run(tmp_path / "run.trec") == {"q": {"d": value}}
