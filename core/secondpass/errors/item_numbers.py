"""Errors that name an item by its number, said again with the number that the caller knows it by.

What hands on only some of the items that it was given gets errors that count these.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from typing import TypeVar

from secondpass.errors import SecondPassError

ErrorT = TypeVar("ErrorT", bound=SecondPassError)


@contextmanager
def caller_numbers(numbers: Sequence[int]) -> Iterator[None]:
    """Let errors from within name items as the caller does.

    Args:
        numbers: The caller's number of each item that is handed on.
    """
    try:
        yield
    except SecondPassError as error:
        renumbered = renumber(error, numbers)
        if renumbered is error:
            raise
        raise renumbered.with_traceback(error.__traceback__) from error.__cause__


def renumber(error: ErrorT, numbers: Sequence[int | str]) -> ErrorT:
    """An error with the caller's number of each item that it names: another one, for several callers may share it.

    Args:
        error: What was raised.
        numbers: As in `caller_numbers`; in place of an item that is another caller's, what it is called. What lies
            beyond them is no item, and stays.
    """
    parts = tuple(
        numbers[part] if isinstance(part, int) and part < len(numbers) else part for part in error.message_parts
    )
    if parts == error.message_parts:
        return error
    renumbered = copy(error)
    SecondPassError.__init__(renumbered, *parts)
    return renumbered
