"""One list of documents in as many requests as the service wants of it."""

import re
import threading
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from secondpass.remote.answers import Found, read_answer
from secondpass.remote.failures import refusal, words_of
from secondpass.remote.messages import Answer, Steps
from secondpass.remote.retries import Deadline, exchange
from secondpass.remote.server import Requests

_TOO_LARGE: Final = 413
# Statuses with which services refuse a list for its length, and the words they have for it.
_TOO_MANY: Final = frozenset({400, 422})
_TOO_MANY_WORDS: Final = re.compile(r"batch size|too many|at most|max(imum)?\b|exceed|limit", re.IGNORECASE)


class PartSize:
    """The most documents of a request, which a service may turn out to set lower."""

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._guard = threading.Lock()

    def lower(self, most: int) -> None:
        """Take that many at most from now on."""
        with self._guard:
            self._most = most if self._most is None else min(most, self._most)

    def split(self, documents: Sequence[str]) -> list[Sequence[str]]:
        """The documents in parts of about one size."""
        n_parts = 1 if self._most is None else -(-len(documents) // self._most)
        borders = [len(documents) * number // n_parts for number in range(n_parts + 1)]
        return [documents[start:end] for start, end in pairwise(borders)]


def ask_part(
    requests: Requests, documents: Sequence[str], size: PartSize, retries: int, deadline: Deadline
) -> Steps[list[Found]]:
    """What the service finds of a part, asked in halves where it is too much at once.

    Args:
        requests: Makes them of documents.
        documents: At least one.
        size: Lowered where the service turns out to take fewer at once.
        retries: How often a request is sent again at most.
        deadline: When to give up.

    Raises:
        RemoteError: The service refuses, fails, or gives no usable answer.
    """
    ask = requests.of(documents)
    answer = yield from exchange(ask, retries, deadline)
    if answer.is_good:
        return read_answer(ask, answer, requests.api, documents)
    if len(documents) == 1 or not _is_too_much(answer):
        raise refusal(ask, answer)
    half = (len(documents) + 1) // 2
    found: list[Found] = []
    for some in (documents[:half], documents[half:]):
        found += yield from ask_part(requests, some, size, retries, deadline)
    # Now it is known that there were too many of them; what was too large, 413, may hold more of shorter ones.
    if answer.status in _TOO_MANY:
        size.lower(half)
    return found


def _is_too_much(answer: Answer) -> bool:
    """Whether a service refuses a list that it might take in parts."""
    if answer.status == _TOO_LARGE:
        return True
    return answer.status in _TOO_MANY and _TOO_MANY_WORDS.search(words_of(answer)) is not None
