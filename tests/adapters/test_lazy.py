import copy
import gc
import os
import pickle
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from forking import forks, holds_in_child
from waiting import start

from secondpass.adapters.lazy import LazyCrossEncoder, scorer_of
from secondpass.adapters.sharing import load_cross_encoder, shared_cross_encoder
from secondpass.cross_encoder import CrossEncoder
from secondpass.errors import CheckpointNotFoundError, InputError
from secondpass.options import ModelOptions
from secondpass.ranking import AsyncScorer, Loadable, PairScorer
from secondpass.testing import OverlapScorer

MODEL = "secondpass/mini"
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


def test_copies_find_the_folders_of_here_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lazy = LazyCrossEncoder("a/model", ModelOptions(cache_dir="cache"))
    assert pickle.loads(pickle.dumps(lazy)).options.cache_dir == str(tmp_path / "cache")  # noqa: S301 - our own


def test_a_path_is_a_name(tmp_path: Path) -> None:
    scorer = scorer_of(tmp_path, None)
    assert isinstance(scorer, LazyCrossEncoder)
    assert pickle.loads(pickle.dumps(scorer)).model == str(tmp_path)  # noqa: S301 - our own


def test_token_is_in_no_repr() -> None:
    assert "hf_secret" not in repr(SECRET) + repr(LazyCrossEncoder("a/model", SECRET))


def test_threads_load_an_unshared_model_once() -> None:
    lazy = LazyCrossEncoder(MODEL, share=False)
    with ThreadPoolExecutor(4) as pool:
        assert len({id(model) for model in pool.map(lambda _: lazy.load(), range(8))}) == 1


async def test_scores_are_those_of_the_model() -> None:
    lazy = LazyCrossEncoder(MODEL)
    documents = ["Paris", "Berlin"]
    awaited = await lazy.ascore("City in Germany", documents)
    scores = shared_cross_encoder(MODEL).score("City in Germany", documents)
    assert awaited.tolist() == lazy.score("City in Germany", documents).tolist() == scores.tolist()
    assert lazy.predict([("City in Germany", "Paris")]).tolist() == pytest.approx([scores[0]], abs=1e-5)


def test_the_last_to_release_frees_the_model() -> None:
    options = ModelOptions(max_length=77)  # no other test's
    first, second = LazyCrossEncoder(MODEL, options), LazyCrossEncoder(MODEL, options)
    loaded = weakref.ref(first.load())
    assert second.load() is loaded()
    first.release()
    assert loaded() is not None
    second.release()
    gc.collect()
    assert loaded() is None
    assert not second.is_loaded


def test_release_lets_go_of_a_model_that_is_just_being_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    loading, may_end = threading.Event(), threading.Event()

    def load_slowly(model: str, options: ModelOptions) -> CrossEncoder:
        loading.set()
        assert may_end.wait(timeout=10)
        return load_cross_encoder(model, options)

    monkeypatch.setattr("secondpass.adapters.lazy.load_cross_encoder", load_slowly)
    lazy = LazyCrossEncoder(MODEL, share=False)
    with ThreadPoolExecutor(2) as pool:
        loader = pool.submit(lazy.load)
        assert loading.wait(timeout=10)
        releaser = pool.submit(lazy.release)
        may_end.set()
        loader.result()
        releaser.result()
    assert not lazy.is_loaded


@forks
def test_a_process_forked_while_another_thread_loads_loads_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    parent, loading, may_end = os.getpid(), threading.Event(), threading.Event()

    def load_slowly(model: str, options: ModelOptions) -> CrossEncoder:
        if os.getpid() == parent:
            loading.set()
            assert may_end.wait(timeout=30)
        return load_cross_encoder(model, options)

    monkeypatch.setattr("secondpass.adapters.lazy.load_cross_encoder", load_slowly)
    load_cross_encoder(MODEL, ModelOptions())  # or the child meets the locks of modules that are being imported
    lazy = LazyCrossEncoder(MODEL, share=False)
    loader = start(lazy.load)
    assert loading.wait(timeout=10)
    assert holds_in_child(lambda: isinstance(lazy.load(), CrossEncoder))
    may_end.set()
    loader.join(timeout=10)
    assert lazy.is_loaded


def test_release_before_loading_does_nothing() -> None:
    lazy = LazyCrossEncoder("no/such-model", ModelOptions(local_files_only=True))
    lazy.release()
    assert not lazy.is_loaded


def test_it_offers_what_adapters_ask_for() -> None:
    lazy = LazyCrossEncoder("a/model")
    for protocol in (AsyncScorer, PairScorer, Loadable):
        assert isinstance(lazy, protocol)
        assert not isinstance(OverlapScorer(), protocol)


def test_scorer_of_a_name_is_lazy_and_of_a_scorer_is_itself() -> None:
    assert scorer_of("a/model", None, SECRET) == LazyCrossEncoder("a/model", SECRET)
    scorer = OverlapScorer()
    assert scorer_of(None, scorer) is scorer


@pytest.mark.parametrize(
    ("model", "scorer", "message"),
    [
        (None, None, r"give model \(a name or a URL\) or scorer \(an object\), got neither"),
        ("a/model", OverlapScorer(), "give model or scorer, got both: 'a/model' and a OverlapScorer"),
        (None, "a/model", r"scorer must be an object with a method score\(query, documents\), .* got str"),
    ],
)
def test_not_exactly_one_is_refused(model: str | None, scorer: OverlapScorer | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        scorer_of(model, scorer)


@pytest.mark.parametrize(
    ("name", "value"), [("model", "b/model"), ("options", ModelOptions(max_length=8)), ("share", False)]
)
def test_what_it_loads_cannot_be_assigned(name: str, value: object) -> None:
    lazy = LazyCrossEncoder("a/model", SECRET)
    with pytest.raises(AttributeError):
        setattr(lazy, name, value)
    assert lazy == LazyCrossEncoder("a/model", SECRET)
