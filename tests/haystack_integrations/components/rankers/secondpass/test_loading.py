"""When a ranker's model is loaded, with which token, and when it is let go of."""

import copy
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import haystack
import pytest
from haystack import Document, Pipeline
from haystack.utils import Secret
from haystack.utils.auth import TokenSecret

from haystack_integrations.components.rankers.secondpass import SecondPassRanker
from secondpass.testing import OverlapScorer

QUERY = "big red cat"
TEXTS = ["a red car", "a dog", "the big red cat", "big cat"]
BEST = "the big red cat"

# Haystack 2 has a class of its own for asynchronous pipelines, which 3 merged into Pipeline.
AsyncPipeline = getattr(haystack, "AsyncPipeline", Pipeline)


def documents() -> list[Document]:
    return [Document(content=text) for text in TEXTS]


def test_a_token_is_asked_for_when_the_model_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_TOKEN", raising=False)
    component = SecondPassRanker("some/model", token=Secret.from_env_var("NO_SUCH_TOKEN"))
    assert component.run(QUERY, []) == {"documents": []}
    with pytest.raises(ValueError, match="NO_SUCH_TOKEN"):
        component.warm_up()


def test_a_pickle_holds_the_name_of_the_token_alone(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_TOKEN", "hf_secret")
    component = SecondPassRanker(model, token=Secret.from_env_var("A_TOKEN"), share_model=False)
    component.warm_up()
    held: Any = component._scorer()
    assert held.options.token == "hf_secret"  # noqa: S105 - of nobody
    pickled = pickle.dumps(component)
    assert b"hf_secret" not in pickled
    monkeypatch.setenv("A_TOKEN", "hf_another")
    copies: list[Any] = [pickle.loads(pickled), copy.deepcopy(component)]  # noqa: S301 - our own
    for copied in copies:
        assert copied._scorer().options.token == "hf_another"  # noqa: S105 - of nobody
    assert component._scorer() is held, "it asked when it loaded"


async def test_model_is_loaded_by_warm_up_once_and_freed_by_close(model: str) -> None:
    component = SecondPassRanker(model, share_model=False)
    component.warm_up()
    lazy: Any = component._scorer()
    loaded = lazy.load()
    await component.warm_up_async()
    component.warm_up()
    assert lazy.load() is loaded
    component.close()
    assert not lazy.is_loaded
    component.close()
    await component.close_async()
    assert component.run(QUERY, documents())["documents"][0].content == BEST  # loads it again


def test_a_scorer_that_can_load_is_loaded_by_warm_up_and_left_alone_by_close() -> None:
    class CanLoad(OverlapScorer):
        def __init__(self) -> None:
            super().__init__()
            self.told: list[str] = []

        def load(self) -> None:
            self.told.append("load")

        def release(self) -> None:
            self.told.append("release")

    scorer = CanLoad()
    component = SecondPassRanker(scorer=scorer)
    component.warm_up()
    component.close()
    assert scorer.told == ["load"]
    SecondPassRanker(scorer=OverlapScorer()).warm_up()  # one that cannot load has nothing to do


def test_components_do_not_wait_for_the_token_of_another() -> None:
    class SlowToken(TokenSecret):
        def resolve_value(self) -> str | None:
            asked.set()
            assert may_go_on.wait(timeout=10)
            return None

    asked, may_go_on = threading.Event(), threading.Event()
    slow = SecondPassRanker("some/model", token=SlowToken(_token="hf_none"))  # noqa: S106 - of nobody
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(slow._scorer)
        assert asked.wait(timeout=10)
        SecondPassRanker("some/model")._scorer()
        may_go_on.set()
        waiting.result(timeout=10)


async def test_pipelines_warm_up_and_close(model: str) -> None:
    component = SecondPassRanker(model)
    pipeline: Any = AsyncPipeline()
    pipeline.add_component("ranker", component)
    await pipeline.run_async({"ranker": {"query": QUERY, "documents": documents()}})
    assert component._scorer().is_loaded  # type: ignore[attr-defined] # of a model by name
    if hasattr(pipeline, "close_async"):  # Haystack 3
        await pipeline.close_async()
        assert component._held.is_empty


def test_a_shallow_copy_holds_its_model_by_itself(model: str) -> None:
    component = SecondPassRanker(model)
    component.warm_up()
    copied = copy.copy(component)
    assert copied._scorer() is component._scorer(), "until one of them changes"
    copied.max_length = 64
    assert copied._scorer() is not component._scorer()
    copied.close()
    assert component._scorer().is_loaded  # type: ignore[attr-defined] # of a model by name
