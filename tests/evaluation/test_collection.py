"""Every layout that a collection comes in, and what is said about those that measure nothing."""

from pathlib import Path

import pytest
from packed import write

from secondpass.errors import InputError
from secondpass.evaluation import Collection, read_collection

QUERIES = '{"_id": "q1", "text": "cat"}\n{"_id": 2, "text": "dog"}\n'
CORPUS = '{"_id": "d1", "title": "Cats", "text": "purr"}\n{"_id": "d2", "text": "bark"}\n'


@pytest.mark.parametrize("end", ["", ".gz"])
@pytest.mark.parametrize("corpus", ["corpus.jsonl", "passages.jsonl"])
@pytest.mark.parametrize(
    ("qrels", "text"),
    [
        ("qrels.trec", "q1 0 d1 2\n2\t0\td2\t1\n"),
        ("qrels/test.tsv", "query-id\tcorpus-id\tscore\nq1\td1\t2\n2\td2\t1\n"),
        (
            "qrels.jsonl",
            '{"query-id": "q1", "corpus-id": "d1", "score": 2}\n{"query-id": 2, "corpus-id": "d2", "score": 1}\n',
        ),
    ],
)
def test_a_folder_is_read_in_every_layout(end: str, corpus: str, qrels: str, text: str, tmp_path: Path) -> None:
    write(tmp_path / f"queries.jsonl{end}", QUERIES)
    write(tmp_path / f"{corpus}{end}", CORPUS)
    write(tmp_path / f"{qrels}{end}", text)
    collection = read_collection(tmp_path)
    assert collection.queries == {"q1": "cat", "2": "dog"}
    assert collection.documents == {"d1": "Cats purr", "d2": "bark"}
    assert collection.qrels == {"q1": {"d1": 2}, "2": {"d2": 1}}


def test_a_folder_without_parts_and_judgements_of_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"queries must be given, or be queries.jsonl in"):
        read_collection(tmp_path)
    write(tmp_path / "queries.jsonl", QUERIES)
    write(tmp_path / "corpus.jsonl", CORPUS)
    write(tmp_path / "qrels.trec", "other 0 d1 1\n")
    with pytest.raises(InputError, match="qrels must judge at least one of the 2 queries"):
        read_collection(tmp_path)


def test_judged_queries_without_text_are_counted_and_shown(tmp_path: Path) -> None:
    """They leave the mean: a sample may mean that, a mismatch of ids does not."""
    write(tmp_path / "queries.jsonl", QUERIES)
    write(tmp_path / "corpus.jsonl", CORPUS)
    write(tmp_path / "qrels.trec", "q1 0 d1 1\n2 0 d1 1\na 0 d1 1\nb 0 d1 1\nc 0 d1 1\nd 0 d1 1\n")
    with pytest.warns(UserWarning, match="are not measured: 4 of 6, such as 'a', 'b', 'c'$") as said:
        collection = read_collection(tmp_path)
    assert said[0].filename == __file__
    assert collection.queries == {"q1": "cat", "2": "dog"}
    sample = write(tmp_path / "sample.jsonl", QUERIES.splitlines()[0])
    with pytest.warns(UserWarning, match="are not measured: 5 of 6, such as '2', 'a', 'b'$"):
        assert read_collection(tmp_path, queries=sample).queries == {"q1": "cat"}


def test_judgements_of_which_none_is_relevant_are_warned_of() -> None:
    """Whatever the model, every figure is 0; a judgement of a query that has no text changes nothing."""
    with (
        pytest.warns(UserWarning, match="no judgement of a query with text has a grade above 0"),
        pytest.warns(UserWarning, match="without text"),
    ):
        Collection({"q": "cat"}, {"d": "the cat"}, {"q": {"d": 0}, "r": {"d": 1}})
