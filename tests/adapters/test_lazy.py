import copy
import gc
import pickle
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest
from shared import SHARED

from secondpass.adapters.lazy import LazyCrossEncoder, scorer_of
from secondpass.adapters.sharing import shared_cross_encoder
from secondpass.errors import CheckpointNotFoundError, InputError
from secondpass.options import ModelOptions
from secondpass.testing import OverlapScorer

MODEL = SHARED / "models" / "ce-minilm6"
needs_model = pytest.mark.skipif(not MODEL.exists(), reason=f"needs {MODEL.name} of the shared data")
SECRET = ModelOptions(token="hf_secret", max_length=64)  # noqa: S106 - of nobody


def test_nothing_is_loaded_before_the_first_score() -> None:
    lazy = LazyCrossEncoder("no/such-model", ModelOptions(local_files_only=True))
    assert not lazy.is_loaded
    with pytest.raises(CheckpointNotFoundError):
        lazy.score("query", ["document"])


def test_equal_are_those_that_load_the_same_in_the_same_way() -> None:
    lazy = LazyCrossEncoder("a/model", SECRET)
    assert lazy == LazyCrossEncoder("a/model", ModelOptions(token="hf_secret", max_length=64))  # noqa: S106
    assert hash(lazy) == hash(LazyCrossEncoder("a/model", SECRET))
    for other in (
        LazyCrossEncoder("b/model", SECRET),
        LazyCrossEncoder("a/model"),
        LazyCrossEncoder("a/model", SECRET, share=False),
        "a/model",
    ):
        assert lazy != other


def test_copies_are_equal() -> None:
    lazy = LazyCrossEncoder("a/model", SECRET, share=False)
    for other in (copy.copy(lazy), copy.deepcopy(lazy), pickle.loads(pickle.dumps(lazy))):  # noqa: S301 - our own
        assert other == lazy


def test_token_is_in_no_repr() -> None:
    assert "hf_secret" not in repr(SECRET) + repr(LazyCrossEncoder("a/model", SECRET))


@needs_model
def test_threads_load_an_own_model_once() -> None:
    lazy = LazyCrossEncoder(str(MODEL), share=False)
    with ThreadPoolExecutor(4) as pool:
        assert len({id(model) for model in pool.map(lambda _: lazy.load(), range(8))}) == 1


@needs_model
async def test_scores_are_those_of_the_model() -> None:
    lazy = LazyCrossEncoder(str(MODEL))
    documents = ["Paris", "Berlin"]
    awaited = await lazy.ascore("City in Germany", documents)
    scores = shared_cross_encoder(str(MODEL)).score("City in Germany", documents)
    assert awaited.tolist() == lazy.score("City in Germany", documents).tolist() == scores.tolist()
    assert lazy.predict([("City in Germany", "Paris")]).tolist() == pytest.approx([scores[0]], abs=1e-5)


@needs_model
def test_the_last_to_release_frees_the_model() -> None:
    options = ModelOptions(max_length=77)  # of nobody else
    one, two = LazyCrossEncoder(str(MODEL), options), LazyCrossEncoder(str(MODEL), options)
    seen = weakref.ref(one.load())
    assert two.load() is seen()
    one.release()
    assert seen() is not None
    two.release()
    gc.collect()
    assert seen() is None
    assert not two.is_loaded


def test_scorer_of_a_name_is_lazy_and_of_a_scorer_is_itself() -> None:
    assert scorer_of("a/model", None, SECRET) == LazyCrossEncoder("a/model", SECRET)
    scorer = OverlapScorer()
    assert scorer_of(None, scorer) is scorer


@pytest.mark.parametrize(
    ("model", "scorer", "message"),
    [
        (None, None, r"give model \(a name\) or scorer \(an object\), got neither"),
        ("a/model", OverlapScorer(), "give model or scorer, got both: 'a/model' and a OverlapScorer"),
        (None, "a/model", r"scorer must have a method score\(query, documents\), got str"),
    ],
)
def test_not_exactly_one_is_refused(model: str | None, scorer: OverlapScorer | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        scorer_of(model, scorer)
