"""Several forward passes at a time on one CPU, each on its own share of the cores.

Two cores that work on one pass wait for each other after every operation, and small operations do not split at
all. With a pass each they wait neither for each other nor for other programs on the same machine.
"""

import ctypes
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import TypeVar

import torch

from secondpass.concurrency.threads import map_in_threads, n_usable_cores
from secondpass.encoder import Capabilities
from secondpass.execution.turns import turns

_T = TypeVar("_T")
_R = TypeVar("_R")

# The interpreter runs one thread at a time between operations: more passes than these would wait for that.
_MOST_PASSES = 8

# OpenMP 5.0, omp_pause_soft.
_SOFT_PAUSE = 1


def n_parallel_passes(devices: Sequence[Capabilities]) -> int:
    """How many passes should run at a time on each of these devices, at least 1.

    More than 1 only for a lone device that splits its cores: each pass then has an equal share of the caller's.
    """
    if len(devices) != 1 or not devices[0].splits_cores or not _can_split():
        return 1
    n_threads = torch.get_num_threads()
    return max(n for n in range(1, _MOST_PASSES + 1) if n_threads % n == 0)


def run_in_parallel(
    function: Callable[[_T], _R], items: Sequence[_T], n_parallel: int, *, alone: bool = True
) -> list[_R]:
    """`function` of each item, in order: `n_parallel` at a time, each with its share of the threads, in turns.

    Passes of all callers together have as many threads at work as this process has cores, even where each caller has
    fewer. None runs in the main thread, where an interruption might keep its turn from ending.

    Args:
        function: Runs a pass.
        items: Of what.
        n_parallel: At least 1.
        alone: Whether no other caller was at work when this one came: a single item then has all of the threads.
    """
    n_threads = torch.get_num_threads()
    n_cores = max(n_threads, n_usable_cores())
    if alone and len(items) == 1:
        n_parallel = 1
    share = max(1, n_threads // n_parallel)
    turn = partial(turns().turn, share, n_cores)
    if n_parallel == 1 and threading.current_thread() is not threading.main_thread():
        results = []
        for item in items:
            with turn():
                results.append(function(item))
        return results
    return map_in_threads(
        function if share == 1 else partial(_without_helpers, function),
        items,
        n_parallel,
        prepare=partial(_use_threads, share),
        turn=turn,
    )


def _use_threads(n_threads: int) -> bool:
    """Let the calling thread's operations use this many cores; returns whether it took effect.

    torch.set_num_threads would do so for all threads to come. The settings of OpenMP and MKL belong to the calling one.
    """
    # Gives a new thread the process's number, once: so it does not do so after our own setting.
    torch.get_num_threads()
    set_openmp, set_mkl = map(_library_function, ("omp_set_num_threads", "MKL_Set_Num_Threads_Local"))
    if set_openmp is None:
        return False
    set_openmp(n_threads)
    if set_mkl is not None:  # follows OpenMP only where neither torch.set_num_threads nor MKL_NUM_THREADS gave a number
        set_mkl(n_threads)
    return torch.get_num_threads() == n_threads


def _without_helpers(function: Callable[[_T], _R], item: _T) -> _R:
    """The function of the item; OpenMP's threads for it end within its turn, while nobody forks."""
    try:
        return function(item)
    finally:
        _end_helpers()


def _end_helpers() -> None:
    """Wait until the threads that OpenMP started for the calling one have ended, where it is GNU's."""
    end = _library_function("omp_pause_resource_all")
    if end is not None and _library_function("__kmpc_fork_call") is None:  # LLVM's would end those of all threads
        end(_SOFT_PAUSE)


@cache
def _library_function(name: str) -> "Callable[[int], object] | None":
    """A function of OpenMP or MKL, where it is in one of the libraries that torch runs on."""
    for library in (None, str(Path(torch.__file__).with_name("lib") / "libtorch_cpu.so")):
        with suppress(AttributeError, OSError, TypeError):  # not there, or a system without a list of all libraries
            function: Callable[[int], object] = getattr(ctypes.CDLL(library), name)
            return function
    return None


@cache
def _can_split() -> bool:
    """Whether a thread can be given a share of the cores: torch may run on something other than this OpenMP."""
    if "OpenMP" not in torch.__config__.parallel_info().partition("parallel backend:")[2]:
        return False
    return map_in_threads(_use_threads, [torch.get_num_threads() + 1], 1)[0]  # not what a thread has anyway
