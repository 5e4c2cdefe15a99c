"""What a pickle holds of things that cannot be pickled, which LlamaIndex takes away from the object itself."""

import pickle
import threading
from collections.abc import Sequence

import pytest
from llama_index.core.callbacks import CallbackManager, LlamaDebugHandler
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from llama_index_secondpass import SecondPassRerank
from secondpass.testing import OverlapScorer

QUERY = QueryBundle("big red cat")


class Locked(OverlapScorer):
    """A scorer that cannot be pickled."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()

    def score(self, query: str, documents: Sequence[str]) -> list[float]:
        with self.lock:
            return list(super().score(query, documents))


class LockedHandler(LlamaDebugHandler):
    """Callbacks that cannot be pickled."""

    def __init__(self) -> None:
        super().__init__(print_trace_on_end=False)
        self.lock = threading.Lock()


def best_of(adapter: SecondPassRerank) -> str:
    nodes = [NodeWithScore(node=TextNode(text=text)) for text in ("a dog", "the big red cat")]
    return adapter.postprocess_nodes(nodes, QUERY)[0].text


def test_a_scorer_that_cannot_be_pickled_is_an_error_and_stays() -> None:
    adapter = SecondPassRerank(scorer=Locked())
    with pytest.raises(TypeError, match=r"cannot pickle '_thread\.lock' object"):
        pickle.dumps(adapter)
    assert best_of(adapter) == "the big red cat"


def test_callbacks_that_cannot_be_pickled_are_left_out_and_stay() -> None:
    callbacks = CallbackManager([LockedHandler()])
    adapter = SecondPassRerank(scorer=OverlapScorer(), callback_manager=callbacks, top_n=1)
    restored = pickle.loads(pickle.dumps(adapter))  # noqa: S301 - our own
    assert adapter.callback_manager is callbacks
    assert restored.callback_manager.handlers == []
    assert best_of(restored) == best_of(adapter) == "the big red cat"


def test_what_a_derived_class_holds_stays() -> None:
    class Own(SecondPassRerank):
        note: object = None

    lock = threading.Lock()
    adapter = Own(scorer=OverlapScorer(), note=lock)
    assert adapter.__getstate__()["__dict__"].keys() == adapter.__dict__.keys() - {"note"}
    assert adapter.note is lock
