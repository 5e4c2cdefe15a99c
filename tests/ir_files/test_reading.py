"""Runs, judgements and texts as files have them, and what is said about broken ones."""

from collections.abc import Callable
from pathlib import Path

import pytest
from packed import write

from secondpass.errors import InputError
from secondpass.ir_files.qrels import read_qrels
from secondpass.ir_files.runs import read_run, trec_order
from secondpass.ir_files.texts import read_documents, with_title


@pytest.mark.parametrize("name", ["run.trec", "run.trec.gz"])
def test_a_run_is_ordered_by_score_and_ties_as_trec_eval_orders_them(name: str, tmp_path: Path) -> None:
    run = read_run(write(tmp_path / name, "q Q0 a 1 1.5 t\nq Q0 b 2 7 t\nq Q0 c 3 1.5 t\n"))
    assert run == {"q": {"a": 1.5, "b": 7.0, "c": 1.5}}
    assert trec_order(run["q"]) == ["b", "c", "a"]


BROKEN: list[tuple[Callable[[Path], object], str, str]] = [
    (read_run, "q Q0 a 1 1.5", "a run must have 6 columns"),
    (read_run, "q Q0 a 1 high t", "a score must be a number, got 'high'"),
    (read_run, "q Q0 a 1 nan t", "a score must be a number, got 'nan'"),
    (read_run, "ok Q0 a 2 1 t", "a document must appear once per query"),
    (read_qrels, "q d", "qrels must have 4 columns"),
    (read_qrels, "q 0 d much", "a grade must be an integer .*, got 'much'"),
    (read_qrels, "q 0 d 1000001", "a grade must be an integer from -1000000 to 1000000, got 1000001"),
    (read_qrels, "q 0 d -1000001", "a grade must be an integer from -1000000 to 1000000, got -1000001"),
    (read_documents, '{"_id": "ok", "text": "again"}', "_id must be unique, 'ok' appears again"),
    (read_documents, '{"_id": "d"}', "text must be a string, got None"),
    (read_documents, "plain", "must be JSON, got 'plain'"),
]
GOOD: dict[Callable[[Path], object], str] = {
    read_run: "ok Q0 a 1 1 t\n",
    read_qrels: "ok 0 d 1\n",
    read_documents: '{"_id": "ok", "text": "t"}\n',
}


@pytest.mark.parametrize(("read", "line", "message"), BROKEN)
def test_a_bad_line_is_named_with_file_and_number(
    read: Callable[[Path], object], line: str, message: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "file", GOOD[read] + line + "\n")
    with pytest.raises(InputError, match=f"file:2: {message}"):
        read(path)


def test_ties_in_single_precision_are_ties_as_in_trec_eval() -> None:
    assert trec_order({"a": 12.345678901, "b": 12.345678900}) == ["b", "a"]
    assert trec_order({"a": 1e301, "b": 1e300}) == ["b", "a"]


def test_ids_may_hold_any_character_but_the_separators(tmp_path: Path) -> None:
    run = read_run(write(tmp_path / "run.trec", "q\xa01 Q0 d\u30001 1 2 t\n"))
    assert run == {"q\xa01": {"d\u30001": 2.0}}
    for name in ("qrels.tsv", "qrels.txt"):  # a header tells by itself what lies between the columns
        qrels = read_qrels(write(tmp_path / name, "query-id\tcorpus-id\tscore\nq 1\td\t1\n"))
        assert qrels == {"q 1": {"d": 1}}


def test_a_judgement_may_come_twice_but_not_as_two(tmp_path: Path) -> None:
    path = write(tmp_path / "qrels.trec", "q 0 d 1\nq 0 d 1\nq 0 e -1\n")
    assert read_qrels(path) == {"q": {"d": 1, "e": -1}}
    write(path, "q 0 d 1\nq 0 d 0\n")
    with pytest.raises(InputError, match=r"qrels.trec:2: .* one grade per query, 'd' has 1 and 0 for 'q'"):
        read_qrels(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("query-id\tscore\tcorpus-id\nq\t1\td\n", "qrels.tsv:1: a header must be query-id, corpus-id, score, got"),
        ("query-id\tcorpus-id\tscore\nq\t0\td\t1\n", "qrels.tsv:2: qrels must have 3 columns like the first line"),
        ("q\t0\td\t1\nq\td\t1\n", "qrels.tsv:2: qrels must have 4 columns like the first line"),
        ("q\t\td\t1\n", "qrels.tsv:1: columns must not be empty"),
    ],
)
def test_columns_that_are_not_those_of_the_first_line_are_refused(content: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        read_qrels(write(tmp_path / "qrels.tsv", content))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("run.trec", "q 1\tQ0\td\t1\t1.5\n"),  # six columns by spaces, and none of them what it should be
        ("run.tsv", "q 1\tQ0\td\t1\t1.5\n"),
    ],
)
def test_a_run_without_its_tag_is_not_read_by_the_spaces_of_its_ids(name: str, content: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"{name}:1: (columns must be separated by tabs or|a run must have 6 columns)"):
        read_run(write(tmp_path / name, content))
    assert read_run(write(tmp_path / "whole.tsv", "q 1\tQ0\td 1\t1\t1.5\tt\n")) == {"q 1": {"d 1": 1.5}}


def test_a_title_goes_before_its_text() -> None:
    assert with_title("Berlin", "a city") == "Berlin a city"
    assert with_title("", " a city ") == " a city "
