"""One list of documents in as many requests as the service wants of it."""

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from secondpass.concurrency.per_process import PerProcess
from secondpass.errors.item_numbers import caller_numbers
from secondpass.ranking.readings import Reading
from secondpass.remote.answers import read_answer
from secondpass.remote.failures import refusal, words_of
from secondpass.remote.messages import Answer, Steps
from secondpass.remote.retries import Deadline, exchange
from secondpass.remote.server import Requests

_TOO_LARGE: Final = 413
# Statuses with which services refuse a list for its length, and the words they have for it: a limit, and a list. One
# text that is too long has a limit, too, and is named by its place, or not in the plural.
_TOO_MANY: Final = frozenset({400, 422})
_LIMIT_WORDS: Final = re.compile(r"too many|at most|max(imum)?\b|exceed|limit", re.IGNORECASE)
_LIST_WORDS: Final = re.compile(r"\b(batch|(documents|inputs|items|pairs|texts)\b(?![.\[]\d))", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the documents that a call was given.

    Args:
        start: The place of the first one among all of them.
        documents: At least one.
    """

    start: int
    documents: Sequence[str]

    @property
    def numbers(self) -> range:
        """The places of all of them."""
        return range(self.start, self.start + len(self.documents))

    def halves(self) -> "tuple[Part, Part]":
        """Both halves of what has at least two documents; the first one is not the smaller one."""
        half = (len(self.documents) + 1) // 2
        return Part(self.start, self.documents[:half]), Part(self.start + half, self.documents[half:])


class PartSize:
    """The most documents of a request, which a service may turn out to set lower."""

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._guard = PerProcess(threading.Lock)

    def lower(self, most: int) -> None:
        """Take that many at most from now on."""
        with self._guard.get():
            self._most = most if self._most is None else min(most, self._most)

    def split(self, documents: Sequence[str]) -> list[Part]:
        """The documents in parts of about one size."""
        n_parts = 1 if self._most is None else -(-len(documents) // self._most)
        borders = [len(documents) * number // n_parts for number in range(n_parts + 1)]
        return [Part(start, documents[start:end]) for start, end in pairwise(borders)]


def ask_part(requests: Requests, part: Part, size: PartSize, retries: int, deadline: Deadline) -> Steps[list[Reading]]:
    """What the service finds of a part, asked in halves where it is too much at once.

    Args:
        requests: Makes them of documents.
        part: What is asked about.
        size: Lowered where the service turns out to take fewer at once.
        retries: How often a request is sent again at most.
        deadline: When to give up.

    Raises:
        RemoteError: The service refuses, fails, or gives no usable answer.
    """
    with caller_numbers(part.numbers):
        ask = requests.of(part.documents)
        answer = yield from exchange(ask, retries, deadline)
        if answer.is_good:
            return read_answer(ask, answer, requests.server.api, part.documents)
        if len(part.documents) == 1 or not _is_too_much(answer):
            raise refusal(ask, answer)
    first, second = part.halves()
    found = yield from ask_part(requests, first, size, retries, deadline)
    found += yield from ask_part(requests, second, size, retries, deadline)
    # Now it is known that there were too many of them; what was too large, 413, may hold more of shorter ones.
    if answer.status in _TOO_MANY:
        size.lower(len(first.documents))
    return found


def _is_too_much(answer: Answer) -> bool:
    """Whether a service refuses a list that it might take in parts."""
    if answer.status == _TOO_LARGE:
        return True
    words = words_of(answer) if answer.status in _TOO_MANY else ""
    return all(pattern.search(words) for pattern in (_LIMIT_WORDS, _LIST_WORDS))
