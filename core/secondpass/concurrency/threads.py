"""Threads for the length of one call, which also start where a pool of the standard library refuses to.

`concurrent.futures` takes no work once the main thread has ended, though other threads may go on for hours, nor in
`atexit` handlers.
"""

import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Generic, TypeVar

_T = TypeVar("_T")
_R = TypeVar("_R")

# The system's numbers of threads that have ended for Python, and of which the system may still have to clear away.
_ENDING: set[int] = set()


class Call(Generic[_R]):
    """A function that runs in a thread of its own, once it is started.

    A Ctrl-C may come at any moment, within `start` too: so keep the call, start it then, and `end` it in a `finally`.

    Args:
        function: What to run.
    """

    _value: _R

    def __init__(self, function: Callable[[], _R]) -> None:
        self._function = function
        self._error: BaseException | None = None
        self._taken = threading.Lock()  # by the thread, to run the function, or by whoever no longer wants it
        self._unfinished = threading.Lock()  # held until the function has ended
        self._unfinished.acquire()
        self._thread = threading.Thread(target=self._run, name="secondpass")

    def start(self) -> None:
        """Run the function from now on."""
        try:
            self._thread.start()
        except RuntimeError:  # the interpreter ends and starts no thread any more: run in this one
            self._run()

    def result(self) -> _R:
        """What the function of a started call returned, or raise what it raised."""
        self._wait()
        if self._error is not None:
            raise self._error
        return self._value

    def end(self) -> None:
        """Wait until the function has ended; where it has not begun, it never will."""
        if self._taken.acquire(blocking=False):
            self._unfinished.release()
        self._wait()

    def _wait(self) -> None:
        # Before Python 3.13 a join that is interrupted takes the thread for ended, and an interruption can leave the
        # lock within an Event held for ever.
        with self._unfinished:
            pass
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        if not self._taken.acquire(blocking=False):
            return
        try:
            self._value = self._function()
        except BaseException as error:  # noqa: BLE001 - raised where the result is asked for
            self._error = error
        if threading.current_thread() is self._thread:
            _ENDING.difference_update([number for number in list(_ENDING) if not _is_there(number)])
            _ENDING.add(threading.get_native_id())
        self._unfinished.release()


def map_in_threads(
    function: Callable[[_T], _R],
    items: Sequence[_T],
    n_threads: int,
    *,
    prepare: Callable[[], object] = lambda: None,
    turn: Callable[[], AbstractContextManager[object]] = nullcontext,
    give_up: Callable[[], object] = lambda: None,
) -> list[_R]:
    """`function` of each item, in order, by several threads at a time.

    After an error or an interruption no further item is begun, and those that were are waited for. Of several errors
    the first one is raised.

    Args:
        function: What to compute.
        items: Of what.
        n_threads: At least 1.
        prepare: Called by each thread before its first item.
        turn: Entered for each item, and may make it wait.
        give_up: Called after an error or an interruption, so that items that were begun may end early.
    """
    results: dict[int, _R] = {}
    errors: list[BaseException] = []
    remaining = iter(range(len(items)))
    taking = threading.Lock()
    stopped = threading.Event()

    def stop() -> None:
        stopped.set()
        give_up()

    def work() -> None:
        prepare()
        while not stopped.is_set():
            with taking:
                number = next(remaining, None)
            if number is None:
                return
            with turn():
                if stopped.is_set():  # meanwhile
                    return
                try:
                    results[number] = function(items[number])
                except BaseException as error:  # noqa: BLE001 - the first one is raised when all threads have ended
                    errors.append(error)
                    stop()

    _run_together([Call(work) for _ in range(min(n_threads, len(items)))], stop)
    if errors:
        raise errors[0]
    return [results[number] for number in range(len(items))]


def _run_together(calls: Sequence[Call[None]], stop: Callable[[], None]) -> None:
    """Start calls and wait until all of them have ended; `stop` lets them end early, after an interruption."""
    try:
        for call in calls:
            call.start()
        for call in calls:
            call.result()
    except BaseException:
        stop()
        raise
    finally:
        for call in calls:
            call.end()


def n_usable_cores() -> int:
    """The cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def wait_for_ending_threads(until: float) -> None:
    """Return when the system has cleared away the threads of calls that have ended; at once but on Linux.

    A thread that ends gives back what MKL keeps for it, under a lock of MKL's: in a process forked at that moment the
    lock would be held for ever. Python takes the thread for ended before that.

    Args:
        until: Return then at the latest, by time.monotonic.
    """
    while there := [number for number in list(_ENDING) if _is_there(number)]:
        if time.monotonic() >= until:
            _ENDING.difference_update(there)  # threads that have the numbers of others that ended
            return
        time.sleep(0.0002)


def _is_there(number: int) -> bool:
    """Whether this process has a thread of the system's number; False where the system does not tell."""
    return os.path.exists(f"/proc/self/task/{number}")  # noqa: PTH110 - Path.exists raises where /proc is closed


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_ENDING.clear)
