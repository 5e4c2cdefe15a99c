"""What is built on sentence-transformers' class takes ours: mteb and PyTerrier. `.ci/wrappers` has both."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sentence_transformers
from compare import assert_scores

import secondpass
from secondpass.sentence_transformers import CrossEncoder

pytestmark = pytest.mark.filterwarnings("ignore")  # of two libraries that are not ours

FOLDER = str(Path(secondpass.__file__).parent / "models" / "mini")
QUERIES = ["how many people live in berlin", "berlin wall", "berlin wall"]
DOCUMENTS = ["Berlin had a population of 3,520,031.", "It fell in 1989.", "Cats sleep."]
Class = type[CrossEncoder] | type[sentence_transformers.CrossEncoder]


@pytest.fixture(params=["ours", "theirs"])
def made(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Class:
    """Each class where these libraries look for one: they compare with it, and make their own by name."""
    if request.param == "theirs":
        theirs: Class = sentence_transformers.CrossEncoder
        return theirs
    monkeypatch.setattr(sentence_transformers, "CrossEncoder", CrossEncoder)
    return CrossEncoder


@pytest.fixture(scope="module")
def expected() -> Any:
    return sentence_transformers.CrossEncoder(FOLDER).predict(list(zip(QUERIES, DOCUMENTS, strict=True)))


def test_mteb_wraps_it_by_name_and_as_an_object(made: Class, expected: Any) -> None:
    wrappers = pytest.importorskip("mteb.models.sentence_transformer_wrapper")
    from datasets import Dataset
    from torch.utils.data import DataLoader

    for model in (FOLDER, made(FOLDER)):
        wrapper = wrappers.CrossEncoderWrapper(model)
        assert isinstance(wrapper.model, made)
        queries, documents = (
            DataLoader(Dataset.from_dict({"text": texts}), batch_size=2) for texts in (QUERIES, DOCUMENTS)
        )
        scores = wrapper.predict(
            queries, documents, task_metadata=None, hf_split="test", hf_subset="default", batch_size=2
        )
        assert_scores(scores, expected)


def test_mteb_evaluates_it(made: Class) -> None:
    mteb = pytest.importorskip("mteb")
    tasks = pytest.importorskip("mteb.mocks.mock_tasks.reranking")
    result = mteb.evaluate(made(FOLDER), tasks.MockRerankingTask(), cache=None, show_progress_bar=False)
    (figures,) = result.task_results[0].scores["test"]
    # two documents for each of two queries, of which the model puts the right one second
    assert figures["map_at_1000"] == 0.5


def test_pyterrier_scores_with_it(made: Class, expected: Any) -> None:
    pyterrier = pytest.importorskip("pyterrier")
    pandas = pytest.importorskip("pandas")
    model: Any = made(FOLDER)
    rows = pandas.DataFrame(
        {"qid": ["1", "2", "2"], "query": QUERIES, "docno": ["a", "b", "c"], "text": DOCUMENTS, "score": 0.0}
    )
    one_by_one = pyterrier.apply.doc_score(lambda row: model.predict([(row["query"], row["text"])])[0])
    in_batches = pyterrier.apply.doc_score(
        lambda frame: model.predict(list(zip(frame["query"].values, frame["text"].values, strict=True))), batch_size=2
    )
    for transformer in (one_by_one, in_batches):
        ranked = transformer(rows).sort_values("docno")
        assert_scores(np.asarray(ranked["score"], dtype=np.float64), expected)
        assert list(ranked["rank"]) == [0, 0, 1]
