"""Requests that are sent again: after which failures, how soon, and for how long."""

import math
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import random
from typing import Final

from secondpass.remote.failures import given_up
from secondpass.remote.messages import Answer, Ask, Lost, Steps, Wait

# Statuses of a server that may well answer a moment later.
_PASSING: Final = frozenset({408, 429, 502, 503, 504})
# Seconds before the second try, which double with every further one.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 8.0


class Deadline:
    """When a call has to be over, whatever it still tries.

    Args:
        seconds: From now.
        clock: Tells the time, in seconds.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._end = clock() + seconds
        self._ended = threading.Event()

    def remaining(self) -> float:
        """Seconds that are left, at least 0."""
        return max(0.0, self._end - self._clock())

    def within(self, seconds: float | None) -> "Deadline":
        """That of a part of the call, which has so many seconds at most; None: all that are left."""
        return self if seconds is None else Deadline(min(seconds, self.remaining()), self._clock)

    def end(self) -> None:
        """Let nothing more begin, and end every pause."""
        self._end = -math.inf
        self._ended.set()

    def pause(self, seconds: float) -> None:
        """Sleep, unless all is over before."""
        self._ended.wait(seconds)

    @property
    def passed(self) -> Lost:
        """What becomes of a request that it cuts off."""
        return Lost(f"did not answer within {self._seconds:g} s", is_final=True)


def exchange(ask: Ask, retries: int, deadline: Deadline) -> Steps[Answer]:
    """One request, sent again after failures that may pass.

    Args:
        ask: What is sent.
        retries: How often it is sent again at most.
        deadline: When to give up.

    Raises:
        RemoteError: There is no answer but such failures.
    """
    n_tries = 0
    while True:
        outcome = yield ask
        n_tries += 1
        if isinstance(outcome, Answer) and outcome.status not in _PASSING:
            return outcome
        tried = "" if n_tries == 1 else f" (tried {n_tries} times)"
        if n_tries > retries or (isinstance(outcome, Lost) and outcome.is_final):
            raise given_up(ask, outcome, tried)
        seconds = pause(n_tries, retry_after(outcome.headers) if isinstance(outcome, Answer) else None)
        if seconds >= deadline.remaining():
            raise given_up(ask, outcome, f"{tried}; another try in {seconds:.1f} s would be too late")
        yield Wait(seconds)


def pause(n_tries: int, asked: float | None) -> float:
    """Seconds until the next try, with jitter, so that clients that failed together do not come back together.

    Args:
        n_tries: How many have failed, at least 1.
        asked: What the server asks for, in seconds, if it does.
    """
    if asked is not None:
        return asked + max(asked, _FIRST_PAUSE) / 4 * random()  # noqa: S311 - no secret
    return min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** (n_tries - 1)) * (1 + random()) / 2  # noqa: S311 - no secret


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the header of this name asks for, as a number or a date (RFC 9110, 10.2.3); None: it does not."""
    value = headers.get("retry-after", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):  # a year, or hours of a time zone, that no date can have
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
