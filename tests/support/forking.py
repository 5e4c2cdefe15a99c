"""Processes that a test forks."""

import os
import signal
from collections.abc import Callable

import pytest


def forks(test: Callable[..., None]) -> Callable[..., None]:
    """Mark a test that forks, beside threads, which is the point."""
    ignored = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
    marked: Callable[..., None] = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")(ignored(test))
    return marked


def holds_in_child(condition: Callable[[], bool]) -> bool:
    """Whether a condition holds in a forked process, and is told within twenty seconds."""
    child = os.fork()
    if child == 0:  # nothing of the tests may go on here
        signal.alarm(20)
        holds = False
        try:
            holds = condition()
        finally:
            os._exit(0 if holds else 1)
    return os.waitpid(child, 0)[1] == 0
