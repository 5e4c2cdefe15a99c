"""What torch computes in a process that was forked, where the thread that forked cannot.

OpenMP's helpers of that thread stayed in the parent, and it would wait for them for ever. A new thread gets new ones.
"""

from collections.abc import Callable
from typing import TypeVar

from secondpass.concurrency.per_process import was_forked_with_torch
from secondpass.concurrency.threads import map_in_threads

_R = TypeVar("_R")


def call_safely(function: Callable[[], _R]) -> _R:
    """What the function returns; in a process that was forked, from a thread in which torch can compute."""
    return map_in_threads(lambda call: call(), [function], 1)[0] if was_forked_with_torch() else function()
