"""What torch computes in a process that was forked, where the thread that forked cannot.

OpenMP's helpers of that thread stayed in the parent, and it would wait for them for ever. A new thread gets new ones.
"""

import os
from collections.abc import Callable
from typing import TypeVar

from secondpass.concurrency.threads import map_in_threads

_R = TypeVar("_R")

# The process in which torch was loaded: any other was forked from it.
_FIRST_PROCESS = os.getpid()


def call_safely(function: Callable[[], _R]) -> _R:
    """What the function returns; in a process that was forked, from a thread in which torch can compute."""
    return function() if os.getpid() == _FIRST_PROCESS else map_in_threads(lambda call: call(), [function], 1)[0]
