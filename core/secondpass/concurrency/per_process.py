"""What no process may take over from the one that it was forked from."""

import os
import sys
from collections.abc import Callable
from typing import Generic, TypeVar

_T = TypeVar("_T")

# The processes that were forked from one in which torch was loaded. It is known here, and not where torch computes:
# that is loaded with torch, which may be after the fork in a process whose parent had loaded torch for itself.
_FORKED_WITH_TORCH: set[int] = set()


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


def was_forked_with_torch() -> bool:
    """Whether this process was forked from one in which torch was loaded."""
    return os.getpid() in _FORKED_WITH_TORCH


def _note_torch() -> None:
    if "torch" in sys.modules:
        _FORKED_WITH_TORCH.add(os.getpid())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_torch)
