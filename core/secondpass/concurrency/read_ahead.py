"""What comes next is made ready by a thread while the caller works on what it has."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from functools import partial
from itertools import chain, islice, repeat
from typing import TypeVar

from secondpass.concurrency.threads import Call

_T = TypeVar("_T")
_R = TypeVar("_R")


def read_ahead(items: Iterator[_T]) -> Iterator[_T]:
    """The items; while the caller works on one, a thread gets the next."""
    with closing(map_ahead(lambda _: list(islice(items, 1)), repeat(None))) as nexts:
        for next_one in nexts:
            if not next_one:
                return
            yield from next_one


def map_ahead(function: Callable[[_T], _R], items: Iterator[_T]) -> Generator[_R, None, None]:
    """`function` of each item in order; while the caller works on one result, a thread computes the next.

    Items are read in the caller's thread. A single one is computed there as well, which costs it no hand-over.

    Args:
        function: What to compute.
        items: Of what.
    """
    first = list(islice(items, 2))
    if len(first) == 1:
        yield function(first[0])
    if len(first) < 2:  # noqa: PLR2004 - with two there is one to compute ahead
        return
    pending = Call(partial(function, first[0]))
    try:
        pending.start()
        for item in chain(first[1:], items):
            result = pending.result()
            pending = Call(partial(function, item))
            pending.start()
            yield result
        yield pending.result()
    finally:
        pending.end()
