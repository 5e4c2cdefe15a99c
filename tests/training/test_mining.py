"""Negatives that are mined, and queries that are left without any."""

import json
from pathlib import Path

import pytest

from secondpass.errors import InputError
from secondpass.evaluation import DuplicateJudgements
from secondpass.training import DataConfig, ModelConfig, RunConfig, TrainingConfig
from secondpass.training.data import load_examples
from secondpass.training.examples import Example, LabelledQuery
from secondpass.training.mining import mine_negatives


def test_queries_that_teach_nothing_are_counted(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text('{"_id": "a", "text": "cat one"}\n{"_id": "b", "text": "cat two"}\n')
    (tmp_path / "queries.jsonl").write_text('{"_id": "1", "text": "cat"}\n{"_id": "2", "text": "unheard"}\n')
    (tmp_path / "qrels.trec").write_text("1 0 a 1\n2 0 a 1\n3 0 a 1\n")
    data = DataConfig(corpus="corpus.jsonl", queries="queries.jsonl", qrels="qrels.trec", mine_from=(1, 9))
    run = TrainingConfig(ModelConfig("x"), data, RunConfig("bce", "out"), tmp_path)
    with (
        pytest.warns(
            UserWarning, match="judged queries without text are not learned from: 1 of 3, such as '3'"
        ) as said,
        pytest.warns(UserWarning, match="queries for which BM25 finds no negatives are left out: 1 of 2"),
    ):
        assert load_examples(run) == [Example("cat", ("cat one", "cat two"), (1.0, 0.0), graded=True)]
    assert said[0].filename == __file__
    with pytest.warns(UserWarning, match="finds no negatives are left out: 1 of 1") as said:
        assert mine_negatives([LabelledQuery("unheard", ("cat one",))], run) == []
    assert said[0].filename == __file__


def test_a_document_judged_twice_counts_as_the_run_says(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text('{"_id": "a", "text": "cat one"}\n{"_id": "b", "text": "cat two"}\n')
    (tmp_path / "queries.jsonl").write_text('{"_id": "1", "text": "cat"}\n')
    (tmp_path / "qrels.trec").write_text("1 0 a 1\n1 0 a 3\n")

    def grade(duplicates: DuplicateJudgements) -> float:
        data = DataConfig(
            corpus="corpus.jsonl", queries="queries.jsonl", qrels="qrels.trec", mine_from=(1, 9),
            duplicate_judgements=duplicates,
        )  # fmt: skip
        return load_examples(TrainingConfig(ModelConfig("x"), data, RunConfig("bce", "out"), tmp_path))[0].scores[0]

    with pytest.raises(InputError, match=r'qrels.trec:2: .*; duplicate_judgements="highest" or "first" takes one of'):
        grade("error")
    assert (grade("highest"), grade("first")) == (3.0, 1.0)


def test_settings_of_mining_without_effect_are_named(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"query": "q", "positive": ["a"], "negative": ["b"]}\n')
    data = DataConfig(("t.jsonl",), corpus="none.jsonl", mine_from=(1, 9))
    run = TrainingConfig(ModelConfig("x"), data, RunConfig("bce", "out"), tmp_path)
    with pytest.warns(
        UserWarning, match="data.corpus, data.mine_from must come with examples that need negatives"
    ) as said:
        assert len(load_examples(run)) == 1
    assert said[0].filename == __file__


def test_mined_negatives_skip_positives_and_answers(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text(
        "".join(
            json.dumps({"_id": str(i), "text": text}) + "\n"
            for i, text in enumerate(["cat one", "cat two", "cat says meow", "dog"])
        )
    )
    run = TrainingConfig(
        ModelConfig("x"), DataConfig(("t",), corpus="corpus.jsonl", negatives=5, mine_from=(1, 9)),
        RunConfig("bce", "out"), tmp_path,
    )  # fmt: skip
    (example,) = mine_negatives([LabelledQuery("cat", ("cat one",), ("MEOW",))], run)
    assert example == Example("cat", ("cat one", "cat two"), (1.0, 0.0), graded=True)


def test_positives_of_a_query_are_no_negatives_on_any_of_its_lines(tmp_path: Path) -> None:
    texts = ["cat one", "cat two", "cat three", "cat says meow", "cat four"]
    lines = [json.dumps({"_id": str(i), "text": text}) + "\n" for i, text in enumerate(texts)]
    (tmp_path / "corpus.jsonl").write_text("".join(lines))
    (tmp_path / "t.jsonl").write_text(
        '{"query": "cat", "positive": "cat one", "answers": ["meow"]}\n'
        '{"query": "cat", "positive": "cat two"}\n'
        '{"query": "cat", "positive": "cat four", "negative": "dog"}\n'
    )
    data = DataConfig(("t.jsonl",), corpus="corpus.jsonl", negatives=9, mine_from=(1, 9))
    examples = load_examples(TrainingConfig(ModelConfig("x"), data, RunConfig("bce", "out"), tmp_path))
    assert [example.documents for example in examples] == [
        ("cat four", "dog"),
        ("cat one", "cat three"),
        ("cat two", "cat three"),
    ]


def test_relevant_documents_of_two_ids_with_one_text_are_no_negatives(tmp_path: Path) -> None:
    lines = [json.dumps({"_id": text, "text": f"cat {text}"}) + "\n" for text in ("one", "two", "three")]
    (tmp_path / "corpus.jsonl").write_text("".join(lines))
    (tmp_path / "queries.jsonl").write_text('{"_id": "1", "text": "cat"}\n{"_id": "2", "text": "cat"}\n')
    (tmp_path / "qrels.trec").write_text("1 0 one 1\n2 0 two 2\n")
    data = DataConfig(corpus="corpus.jsonl", queries="queries.jsonl", qrels="qrels.trec", negatives=9, mine_from=(1, 9))
    assert load_examples(TrainingConfig(ModelConfig("x"), data, RunConfig("bce", "out"), tmp_path)) == [
        Example("cat", ("cat one", "cat three"), (1.0, 0.0), graded=True),
        Example("cat", ("cat two", "cat three"), (2.0, 0.0), graded=True),
    ]


def test_a_positive_under_its_title_is_no_negative(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text(
        '{"_id": "a", "title": "Cats", "text": "cat one"}\n{"_id": "b", "title": "Cats", "text": "cat two"}\n'
    )
    data = DataConfig(("t",), corpus="corpus.jsonl", mine_from=(1, 9))
    run = TrainingConfig(ModelConfig("x"), data, RunConfig("bce", "out"), tmp_path)
    (example,) = mine_negatives([LabelledQuery("cat", ("cat one\n",), ())], run)
    assert example.documents == ("cat one\n", "Cats cat two")


def test_a_blank_answer_is_no_reason_to_skip_a_negative(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text('{"_id": "a", "text": "cat one"}\n{"_id": "b", "text": "cat two"}\n')
    data = DataConfig(("t",), corpus="corpus.jsonl", mine_from=(1, 9))
    run = TrainingConfig(ModelConfig("x"), data, RunConfig("bce", "out"), tmp_path)
    (example,) = mine_negatives([LabelledQuery("cat", ("cat one",), ("", " "))], run)
    assert example.documents == ("cat one", "cat two")


# Best first: the more often it says so, and the shorter it is, the better.
TEXTS = ["cat cat cat cat", "cat cat cat dog", "cat cat dog dog", "cat dog dog dog"]


@pytest.mark.parametrize("band", [(1, 1), (1, 2), (2, 3), (3, 9)])
def test_negatives_are_those_of_the_band(band: tuple[int, int], tmp_path: Path) -> None:
    lines = [json.dumps({"_id": str(i), "text": text}) + "\n" for i, text in enumerate(TEXTS)]
    (tmp_path / "corpus.jsonl").write_text("".join(lines))
    data = DataConfig(("t.jsonl",), corpus="corpus.jsonl", mine_from=band, negatives=9)
    run = TrainingConfig(ModelConfig("x"), data, RunConfig("bce", "out"), tmp_path)
    (example,) = mine_negatives([LabelledQuery("cat", ("elsewhere",))], run)
    assert sorted(example.documents[1:]) == sorted(TEXTS[band[0] - 1 : band[1]])
