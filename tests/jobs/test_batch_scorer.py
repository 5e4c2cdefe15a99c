"""Batches of rows, as engines of many processes hand them out."""

import pickle
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkpoints import bert
from scorers import Scores, true_score
from truncation import TRUNCATES

from secondpass import Cascade, CrossEncoder, RankedDocument
from secondpass.errors import CheckpointNotFoundError, InputError, InputTypeError
from secondpass.jobs import BatchScorer
from secondpass.options import ModelOptions

DOCUMENTS = ["the wall fell", "berlin is a city", "the wall fell", "", "people " * 40]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(bert(tmp_path_factory.mktemp("model"), max_length=32))


@TRUNCATES
def test_a_batch_gets_the_scores_of_predict_and_keeps_its_columns(model: str) -> None:
    batch: dict[str, Any] = {"id": np.arange(5), "query": ["berlin"] * 5, "document": np.array(DOCUMENTS, dtype=object)}
    scored = BatchScorer(model)(batch)
    expected = CrossEncoder(model).predict([("berlin", document) for document in DOCUMENTS])
    np.testing.assert_allclose(np.asarray(scored["score"]), expected, atol=1e-6)
    assert np.asarray(scored["score"]).dtype == np.float32
    assert list(scored["truncated"]) == [False, False, False, False, True]
    assert list(scored["error"]) == [""] * 5
    assert scored["id"] is batch["id"]
    assert list(batch) == ["id", "query", "document"]


def test_windows_add_the_best_passage(model: str) -> None:
    options = ModelOptions(long_documents="windows")
    columns = BatchScorer(model, options=options).score_columns(["berlin"] * 5, DOCUMENTS)
    read = CrossEncoder(model, long_documents="windows").read([("berlin", document) for document in DOCUMENTS])
    for number, passage in enumerate(read.passages):
        place = columns["passage_start"][number], columns["passage_end"][number]
        assert place == ((-1, -1) if passage is None else (passage.start, passage.end))
    assert read.passages[3] is None
    assert np.isnan(columns["passage_score"][3])
    assert 0 < columns["passage_end"][4] - columns["passage_start"][4] < len(DOCUMENTS[4])


def test_it_travels_by_name_and_loads_nothing_before_the_first_batch(model: str) -> None:
    program = (
        "import pickle, sys; from secondpass.jobs import BatchScorer; scorer = BatchScorer(sys.argv[1]);"
        "data = pickle.dumps(scorer); again = pickle.loads(data);"
        "print('torch' in sys.modules, len(data) < 2000, 'pyarrow' in sys.modules, 'ray' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program, model], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert done.stdout.split() == ["False", "True", "False", "False"]
    scorer = BatchScorer(model)
    scorer.score_columns(["berlin"], ["wall"])
    pickled = pickle.dumps(scorer)
    assert len(pickled) < 2000
    again = pickle.loads(pickled)  # noqa: S301 - our own
    np.testing.assert_array_equal(
        again.score_columns(["berlin"], ["wall"])["score"], scorer.score_columns(["berlin"], ["wall"])["score"]
    )


def test_a_row_that_cannot_be_read_says_why_and_the_others_are_scored(model: str) -> None:
    queries: list[Any] = ["berlin", None, "berlin", "berlin", "berlin", float("nan")]
    documents: list[Any] = ["wall", "wall", 7, "a \ud800 b", "city", "wall"]
    columns = BatchScorer(model, document_column="text").score_columns(queries, documents)
    assert list(columns["error"]) == [
        "",
        "query must be a string, is missing",
        "text must be a string, got int 7",
        "text must be Unicode text, has the lone surrogate '\\ud800' at character 2",
        "",
        "query must be a string, is missing",
    ]
    expected = CrossEncoder(model).predict([("berlin", "wall"), ("berlin", "city")])
    np.testing.assert_allclose(columns["score"][[0, 4]], expected, atol=1e-6)
    assert np.isnan(columns["score"][[1, 2, 3, 5]]).all()
    assert [columns["truncated"][i] for i in range(6)] == [False, None, None, None, False, None]


def test_columns_of_arrow_are_read_whatever_their_chunks() -> None:
    pa = pytest.importorskip("pyarrow")
    table = pa.concat_tables([pa.table({"query": ["a", None], "document": ["wall", "year"]})] * 2)
    scored = BatchScorer(scorer=Scores()).score_columns(table["query"], table["document"].combine_chunks())
    assert list(scored["error"]) == ["", "query must be a string, is missing"] * 2
    assert scored["score"][2] == np.float32(true_score("a", "wall"))


def test_a_model_that_is_not_there_is_no_matter_of_rows(tmp_path: Path) -> None:
    scorer = BatchScorer(str(tmp_path / "none"))
    with pytest.raises(CheckpointNotFoundError):
        scorer.score_columns(["q"], ["d"])


def test_scorers_of_one_query_and_rankings_come_back_in_the_given_order() -> None:
    class Ranks:
        def score(self, query: str, documents: Sequence[str]) -> list[float]:
            return [true_score(query, document) for document in documents]

        def rank(self, query: str, documents: Sequence[str]) -> list[RankedDocument]:
            found = [
                RankedDocument(i, true_score(query, text), text, truncated=i == 0) for i, text in enumerate(documents)
            ]
            return sorted(found, key=lambda document: -document.score)

    queries, documents = ["a", "a", "b", "a"], ["1", "9", "5", "3"]
    expected = np.array([true_score(*pair) for pair in zip(queries, documents, strict=True)], np.float32)
    for scorer, truncated in ((Scores(), [None] * 4), (Ranks(), [True, False, True, False])):
        columns = BatchScorer(scorer=scorer).score_columns(queries, documents)
        np.testing.assert_array_equal(columns["score"], expected)
        assert list(columns["truncated"]) == truncated


@pytest.mark.parametrize("kind", ["text", "generator", "mapping", "square", "frame", "table"])
def test_what_is_no_column_is_refused(kind: str) -> None:
    """A loop over it would give letters or the names of columns, to be scored as the texts."""
    wrong: Any = {"text": "dd", "mapping": {"d": 1, "e": 2}, "square": np.array([["d"], ["e"]])}.get(kind)
    if kind == "generator":
        wrong = (text for text in "de")
    elif kind == "frame":
        wrong = pytest.importorskip("pandas").DataFrame({"document": ["d", "e"]})
    elif kind == "table":
        wrong = pytest.importorskip("pyarrow").table({"document": ["d", "e"]})
    scorer = BatchScorer(scorer=Scores())
    with pytest.raises(InputTypeError, match=rf"document must be a column of texts, got {type(wrong).__name__}"):
        scorer.score_columns(["q", "q"], wrong)
    if kind in ("text", "table"):
        with pytest.raises(InputTypeError, match=rf"a batch must be columns by name, got {type(wrong).__name__}"):
            scorer(wrong)


def test_mistakes_are_named(model: str) -> None:
    with pytest.raises(InputError, match=r"a batch must have the column 'text', has query, document"):
        BatchScorer(model, document_column="text")({"query": ["q"], "document": ["d"]})
    with pytest.raises(InputError, match=r"query and document must have as many rows as each other, have 1 and 2"):
        BatchScorer(scorer=Scores()).score_columns(["q"], ["d", "e"])
    with pytest.raises(InputError, match=r"must not have a column of the results already, has score"):
        BatchScorer(scorer=Scores())({"query": ["q"], "document": ["d"], "score": [0.0]})
    with pytest.raises(InputError, match=r"scorer must score each document by itself, which a Cascade does not"):
        BatchScorer(scorer=Cascade([Scores(), Scores()], keep=2))
    with pytest.raises(InputError, match=r"give model \(a name or a URL\) or scorer"):
        BatchScorer()
