import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest

from secondpass.adapters.sharing import WeakCache


class Value:
    """Something that can be weakly held."""


def test_a_value_is_made_once_while_somebody_holds_it() -> None:
    cache: WeakCache[str, Value] = WeakCache()
    held = cache.get("a", Value)
    assert cache.get("a", Value) is held
    assert cache.get("b", Value) is not held


def test_a_value_is_freed_with_its_last_holder() -> None:
    cache: WeakCache[str, Value] = WeakCache()
    held = cache.get("a", Value)
    seen = weakref.ref(held)
    del held
    gc.collect()
    assert seen() is None


def test_threads_that_ask_at_once_make_one() -> None:
    cache: WeakCache[str, Value] = WeakCache()
    n_threads = 16
    together = threading.Barrier(n_threads)
    n_made = 0

    def make() -> Value:
        nonlocal n_made
        n_made += 1
        return Value()

    def ask(_: int) -> Value:
        together.wait(timeout=10)
        return cache.get("a", make)

    with ThreadPoolExecutor(n_threads) as pool:
        values = list(pool.map(ask, range(n_threads)))
    assert n_made == 1
    assert len(set(map(id, values))) == 1


def test_different_values_are_made_in_parallel() -> None:
    cache: WeakCache[str, Value] = WeakCache()
    both_are_making = threading.Barrier(2)  # breaks after the timeout if one waits for the other

    def make() -> Value:
        both_are_making.wait(timeout=10)
        return Value()

    with ThreadPoolExecutor(2) as pool:
        values = list(pool.map(lambda key: cache.get(key, make), "ab"))
    assert values[0] is not values[1]


def test_a_failure_is_raised_and_the_next_one_tries_anew() -> None:
    cache: WeakCache[str, Value] = WeakCache()

    def fail() -> Value:
        raise OSError("no network")

    with pytest.raises(OSError, match="no network"):
        cache.get("a", fail)
    assert isinstance(cache.get("a", Value), Value)
