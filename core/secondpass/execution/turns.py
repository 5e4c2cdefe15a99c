"""Callers in several threads take turns on the cores of one CPU: whoever asked first begins first.

A fork waits until nobody has a turn.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from secondpass.concurrency.per_process import PerProcess
from secondpass.concurrency.threads import wait_for_ending_threads

# How often one who waits for a turn looks whether it may begin, in seconds.
_RECHECK = 0.05

# How long a fork waits at most, in seconds.
_FORK_PATIENCE = 10


class Turns:
    """Lets forward passes of many callers begin in the order in which they asked, and no more than there is room for.

    Passes that all run at once are each as slow as all of them together, and throw each other out of the caches.
    """

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._waiting: deque[_Pass] = deque()
        self._n_threads = 0
        self._callers: set[object] = set()
        self._holds: dict[object, float] = {}

    @contextmanager
    def caller(self) -> Iterator[int]:
        """Count as one who has passes to run; gives how many do, this one included."""
        own = object()
        try:
            self._callers.add(own)
            yield len(self._callers)
        finally:
            self._callers.discard(own)

    @contextmanager
    def turn(self, n_threads: int, n_cores: int) -> Iterator[None]:
        """Wait for one's turn, and have it until the end of the context.

        For any thread but the main one, in which an interruption might keep a turn from ending.

        Args:
            n_threads: What the pass computes with.
            n_cores: How many threads may be at work at a time, those of this pass included. A pass that has more is let
                in when it is alone.
        """
        own = _Pass(n_threads, n_cores)
        try:
            with self._changing:
                self._waiting.append(own)
                self._let_in()
            while not own.began.wait(_RECHECK):  # nobody says that a hold is over
                with self._changing:
                    self._let_in()
            yield
        finally:
            with self._changing:
                if own.began.is_set():
                    self._n_threads -= n_threads
                elif own in self._waiting:  # interrupted while it waited
                    self._waiting.remove(own)
                self._let_in()

    def hold(self, hold: object, until: float) -> None:
        """Let no pass begin before `release`, and return when those that are at work have ended.

        For the main thread too: an interruption may keep a hold from being released, but not from ending.

        Args:
            hold: Whose hold it is: there may be several.
            until: Return then at the latest, and let passes begin again, by time.monotonic.
        """
        with self._changing:
            self._holds[hold] = until
        while self._n_threads and time.monotonic() < until:
            time.sleep(0.0002)

    def release(self, hold: object) -> None:
        """Let passes begin again, unless others hold them too."""
        self._holds.pop(hold, None)

    def _let_in(self) -> None:
        """Begin what there is room for, in order; called with the lock held."""
        now = time.monotonic()
        while self._waiting and not any(until > now for until in list(self._holds.values())):
            first = self._waiting[0]
            if self._n_threads and self._n_threads + first.n_threads > first.n_cores:
                return
            self._waiting.popleft()
            self._n_threads += first.n_threads
            first.began.set()


class _Pass:
    """A forward pass that waits for its turn or has it."""

    __slots__ = ("began", "n_cores", "n_threads")

    def __init__(self, n_threads: int, n_cores: int) -> None:
        self.n_threads = n_threads
        self.n_cores = n_cores
        self.began = threading.Event()


_TURNS = PerProcess(Turns)


def turns() -> Turns:
    """Those of this process, which all models share."""
    return _TURNS.get()


# What each thread that is about to fork holds back.
_HELD: dict[int, Turns] = {}


def _before_fork() -> None:
    """Wait until no pass is at work and no thread of one is ending: a child would find locks of MKL's held.

    An interruption in a function like this one is lost, wherever it came: so holds end by themselves.
    """
    thread, until = threading.get_ident(), time.monotonic() + _FORK_PATIENCE
    _HELD[thread] = turns()
    _HELD[thread].hold(thread, until)
    wait_for_ending_threads(until)


def _after_fork() -> None:
    thread = threading.get_ident()
    if thread in _HELD:
        _HELD.pop(thread).release(thread)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_HELD.clear)
