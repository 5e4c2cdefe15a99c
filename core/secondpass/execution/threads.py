"""Threads for the length of one call, which also start where a pool of the standard library refuses to.

`concurrent.futures` takes no work once the main thread has ended, though other threads may go on for hours, nor in
`atexit` handlers. And a process that was forked cannot compute in the thread that forked: OpenMP's helpers of that
thread stayed in the parent, and it would wait for them for ever. A new thread gets new ones.
"""

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Generic, TypeVar

_T = TypeVar("_T")
_R = TypeVar("_R")

# The process in which torch was loaded: any other was forked from it.
_FIRST_PROCESS = os.getpid()


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


class Call(Generic[_R]):
    """A function that runs in a thread of its own, from now on.

    Args:
        function: What to run.
    """

    _value: _R

    def __init__(self, function: Callable[[], _R]) -> None:
        self._function = function
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="secondpass")
        try:
            self._thread.start()
        except RuntimeError:  # the interpreter ends and starts no thread any more: run in this one
            self._run()

    def result(self) -> _R:
        """What the function returned, or raise what it raised."""
        self.wait()
        if self._error is not None:
            raise self._error
        return self._value

    def wait(self) -> None:
        """Wait until the function has ended."""
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            self._value = self._function()
        except BaseException as error:  # noqa: BLE001 - raised where the result is asked for
            self._error = error


def map_in_threads(
    function: Callable[[_T], _R],
    items: Sequence[_T],
    n_threads: int,
    *,
    prepare: Callable[[], object] = lambda: None,
    turn: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> list[_R]:
    """`function` of each item, in order, by several threads at a time.

    After an error or an interruption no further item is begun, and those that were are waited for.

    Args:
        function: What to compute.
        items: Of what.
        n_threads: At least 1.
        prepare: Called by each thread before its first item.
        turn: Entered for each item, and may make it wait.
    """
    results: dict[int, _R] = {}
    remaining = iter(range(len(items)))
    taking = threading.Lock()
    stop = threading.Event()

    def work() -> None:
        prepare()
        while not stop.is_set():
            with taking:
                number = next(remaining, None)
            if number is None:
                return
            with turn():
                if stop.is_set():  # meanwhile
                    return
                try:
                    results[number] = function(items[number])
                except BaseException:
                    stop.set()
                    raise

    calls = [Call(work) for _ in range(min(n_threads, len(items)))]
    try:
        for call in calls:
            call.result()
    finally:
        stop.set()
        for call in calls:
            call.wait()
    return [results[number] for number in range(len(items))]


def call_safely(function: Callable[[], _R]) -> _R:
    """What the function returns; in a process that was forked, from a thread in which torch can compute."""
    return function() if os.getpid() == _FIRST_PROCESS else Call(function).result()
