"""What a thread makes ready while its caller works: what is read where, and in which order it comes."""

import threading
from collections.abc import Iterator

import pytest

from secondpass.concurrency.read_ahead import map_ahead, read_ahead


def _numbers(n: int, read_in: list[str]) -> Iterator[int]:
    for number in range(n):
        read_in.append(threading.current_thread().name)
        yield number


@pytest.mark.parametrize("n", range(5))
def test_all_comes_once_and_in_order(n: int) -> None:
    assert list(read_ahead(iter(range(n)))) == list(range(n))
    assert list(map_ahead(str, iter(range(n)))) == [str(number) for number in range(n)]


def test_items_that_are_false_end_nothing() -> None:
    assert list(read_ahead(iter([None, 0, ""]))) == [None, 0, ""]
    assert list(map_ahead(lambda item: item, iter([None, 0, ""]))) == [None, 0, ""]


def test_items_of_a_map_are_read_by_the_caller_and_computed_by_a_thread_unless_there_is_one() -> None:
    here = threading.current_thread().name
    for n, computed in ((1, [here]), (3, ["secondpass"] * 3)):
        read_in: list[str] = []
        assert list(map_ahead(lambda _: threading.current_thread().name, _numbers(n, read_in))) == computed
        assert read_in == [here] * n


def test_the_next_item_is_read_while_the_caller_has_one() -> None:
    is_read = threading.Event()

    def items() -> Iterator[int]:
        yield 0
        is_read.set()
        yield 1

    ahead = read_ahead(items())
    assert next(ahead) == 0
    assert is_read.wait(timeout=10)
    assert list(ahead) == [1]


def test_an_error_comes_behind_what_was_read_before_it() -> None:
    def items() -> Iterator[int]:
        yield 0
        raise OSError("gone")

    for ahead in (read_ahead(items()), map_ahead(lambda item: 1 // (1 - item), iter(range(2)))):
        found = [next(ahead)]
        with pytest.raises((OSError, ZeroDivisionError)):
            found += ahead
        assert len(found) == 1
