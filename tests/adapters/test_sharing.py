import gc
import os
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest
from forking import forks, holds_in_child
from waiting import start

from secondpass.adapters.sharing import SharedModels
from secondpass.cross_encoder import CrossEncoder
from secondpass.options import ModelOptions

OPTIONS = ModelOptions()


class Loaded(CrossEncoder):
    """Stands in for a loaded model: something that can be weakly held."""

    def __init__(self, name: str = "", options: ModelOptions = OPTIONS) -> None:
        self.loaded_as = name, options


def test_a_model_is_loaded_once_while_somebody_holds_it() -> None:
    models = SharedModels(Loaded)
    held = models.get("a", OPTIONS)
    assert models.get("a", ModelOptions()) is held
    assert models.get("b", OPTIONS) is not held
    assert models.get("a", ModelOptions(max_length=64)) is not held


def test_a_model_is_loaded_by_its_name_and_options() -> None:
    model = SharedModels(Loaded).get("a", ModelOptions(max_length=64))
    assert isinstance(model, Loaded)
    assert model.loaded_as == ("a", ModelOptions(max_length=64))


def test_a_model_is_freed_with_its_last_holder() -> None:
    held = SharedModels(Loaded).get("a", OPTIONS)
    reference = weakref.ref(held)
    del held
    gc.collect()
    assert reference() is None


def test_threads_that_ask_at_once_load_one() -> None:
    n_threads = 16
    together = threading.Barrier(n_threads)
    n_loaded = 0

    def load(name: str, options: ModelOptions) -> CrossEncoder:
        nonlocal n_loaded
        n_loaded += 1
        return Loaded(name, options)

    models = SharedModels(load)

    def ask(_: int) -> CrossEncoder:
        together.wait(timeout=10)
        return models.get("a", OPTIONS)

    with ThreadPoolExecutor(n_threads) as pool:
        values = list(pool.map(ask, range(n_threads)))
    assert n_loaded == 1
    assert len(set(map(id, values))) == 1


def test_different_models_are_loaded_in_parallel() -> None:
    both_are_loading = threading.Barrier(2)  # breaks after the timeout if one waits for the other

    def load(name: str, options: ModelOptions) -> CrossEncoder:
        both_are_loading.wait(timeout=10)
        return Loaded(name, options)

    models = SharedModels(load)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda name: models.get(name, OPTIONS), "ab")
    assert first is not second


@forks
def test_a_process_forked_while_another_thread_loads_loads_its_own() -> None:
    parent, loading, may_end = os.getpid(), threading.Event(), threading.Event()

    def load(name: str, options: ModelOptions) -> CrossEncoder:
        if os.getpid() == parent:
            loading.set()
            assert may_end.wait(timeout=30)
        return Loaded(name, options)

    models = SharedModels(load)
    loader = start(models.get, "a", OPTIONS)
    assert loading.wait(timeout=10)
    assert holds_in_child(lambda: isinstance(models.get("a", OPTIONS), Loaded))
    may_end.set()
    loader.join(timeout=10)


def test_a_failure_is_raised_and_the_next_caller_tries_again() -> None:
    network = iter([OSError("no network")])

    def load(name: str, options: ModelOptions) -> CrossEncoder:
        for error in network:
            raise error
        return Loaded(name, options)

    models = SharedModels(load)
    with pytest.raises(OSError, match="no network"):
        models.get("a", OPTIONS)
    assert isinstance(models.get("a", OPTIONS), Loaded)
