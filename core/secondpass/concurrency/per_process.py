"""What no process may take over from the one that it was forked from."""

import os
from collections.abc import Callable
from typing import Generic, TypeVar

_T = TypeVar("_T")


class PerProcess(Generic[_T]):
    """A value that a process which was forked makes anew: threads that hold its locks stayed in the parent.

    Args:
        make: Makes it.
    """

    def __init__(self, make: Callable[[], _T]) -> None:
        self._make = make
        self._values: dict[int, _T] = {}

    def get(self) -> _T:
        """This process's."""
        process = os.getpid()
        return self._values[process] if process in self._values else self._values.setdefault(process, self._make())
