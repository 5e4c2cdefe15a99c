"""Several forward passes at a time on one CPU, each on cores of its own.

Two cores that work on one pass wait for each other after every operation, and small ones do not split at all; with a
pass each they wait for nobody, not even for other programs on the same machine.
"""

import ctypes
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

import torch

_T = TypeVar("_T")
_R = TypeVar("_R")

# The interpreter runs one thread at a time between operations: more lanes than these would wait for that.
_MOST = 8


def n_parallel_passes() -> int:
    """How many passes the caller's share of the cores should run at a time, at least 1."""
    if not _is_possible():
        return 1
    n_threads = torch.get_num_threads()
    return max(n for n in range(1, _MOST + 1) if n_threads % n == 0)


def run_in_parallel(function: Callable[[_T], _R], items: Sequence[_T], lanes: int) -> list[_R]:
    """`function` of each item, in order, `lanes` of them at a time on equal shares of the caller's cores."""
    if lanes == 1 or len(items) == 1:
        return [function(item) for item in items]
    share = torch.get_num_threads() // lanes
    with ThreadPoolExecutor(lanes, "secondpass-lane", initializer=_use_threads, initargs=(share,)) as pool:
        futures = [pool.submit(function, item) for item in items]
        try:
            return [future.result() for future in futures]
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _use_threads(n_threads: int) -> bool:
    """Let the calling thread's operations use this many cores; whether it took effect.

    torch.set_num_threads would do so for all threads to come. OpenMP's own setting belongs to the calling one.
    """
    torch.get_num_threads()  # sets a new thread to the process's number, once, and not again behind our back
    try:
        ctypes.CDLL(None).omp_set_num_threads(n_threads)
    except (AttributeError, OSError, TypeError):  # no OpenMP among the libraries, or a system without such a list
        return False
    return torch.get_num_threads() == n_threads


@cache
def _is_possible() -> bool:
    """Whether a thread can be given a share of the cores: torch may run on something else than this OpenMP."""
    if "OpenMP" not in torch.__config__.parallel_info().partition("parallel backend:")[2]:
        return False
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(_use_threads, 1).result()
