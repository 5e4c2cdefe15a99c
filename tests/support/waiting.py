"""Threads and tasks that a test waits for."""

import asyncio
import threading
import time
from collections.abc import Callable


def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so that nothing tells of."""
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


async def auntil(condition: Callable[[], bool]) -> None:
    """The same, in an event loop that goes on meanwhile."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.001)


def start(function: Callable[..., object], *arguments: object) -> threading.Thread:
    """A thread that runs a function, and does not keep the tests from ending."""
    thread = threading.Thread(target=function, args=arguments, daemon=True)
    thread.start()
    return thread
