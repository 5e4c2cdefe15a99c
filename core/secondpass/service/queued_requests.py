"""What waits in a queue: the pairs of one request, and pairs that several requests wait for."""

import time
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import Future

from secondpass.ranking import Pair
from secondpass.ranking.readings import Reading


class Work:
    """A pair that is scored once, for everyone who waits for it.

    Args:
        pair: Query and document.
        n_tokens: About how many tokens it has.
    """

    __slots__ = ("n_tokens", "pair", "reading", "requests", "taken")

    def __init__(self, pair: Pair, n_tokens: int) -> None:
        self.pair = pair
        self.n_tokens = n_tokens
        self.requests: list[QueuedRequest] = []
        self.taken = False
        self.reading: Reading | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether anyone still waits for it."""
        return any(not request.is_over for request in self.requests)


class QueuedRequest:
    """The pairs of one request on their way through a queue.

    Its attributes belong to the queue, which alone changes them; `future` is everyone's.

    Attributes:
        future: The readings of all pairs, in the given order.
        works: What is to be done for each pair.
        todo: Of that, each once, what nobody has begun when it was last looked at.
        n_open: How many different pairs are not scored yet.
        submitted: When it came, on the monotonic clock.
        started: When a first pair of it was taken into a pass; when it came, where one was in a pass already.
        finished: When the last one was scored.
    """

    def __init__(self, works: Iterable[Work]) -> None:
        self.future: Future[list[Reading]] = Future()
        self.works = list(works)
        different = dict.fromkeys(self.works)
        self.todo = deque(different)
        self.n_open = len(different)
        self.submitted = time.monotonic()
        self.started = self.submitted if any(work.taken for work in different) else None
        self.finished: float | None = None
        for work in different:
            work.requests.append(self)

    def numbers_of(self, works: Sequence[Work]) -> list[int | str]:
        """What the request's client calls each of these pairs: by its place, and "..." where it is another client's."""
        places = {work: place for place, work in reversed(list(enumerate(self.works)))}  # the first of equal ones
        return [places.get(work, "...") for work in works]

    @property
    def is_over(self) -> bool:
        """Whether it is answered, has failed, or nobody waits for it any more."""
        return self.future.done()

    @property
    def queue_seconds(self) -> float:
        """How long it waited for its first pass."""
        return 0.0 if self.started is None else self.started - self.submitted

    @property
    def scoring_seconds(self) -> float:
        """How long it took from its first pass to its last."""
        return 0.0 if self.started is None or self.finished is None else self.finished - self.started


def next_pass(waiting: deque[QueuedRequest], pass_tokens: int) -> list[Work]:
    """Take the next pass's pairs from the requests that wait: oldest first, in turns, so that none is starved.

    Each request in its turn gives up to a quarter of the pass, and then stands at the end of the line if it has more: a
    long one fills the passes it is alone in, and whatever room a short one leaves in the pass that they share.

    Args:
        waiting: Requests in line; changed.
        pass_tokens: Tokens of a pass. One pair that has more is a pass of its own.
    """
    taken: list[Work] = []
    room = pass_tokens
    while waiting and room > 0:
        request = waiting.popleft()
        turn = whole_turn = max(1, pass_tokens // 4)
        while turn > 0 and (work := _next_work(request)) is not None:
            if taken and work.n_tokens > room:
                # Without a pair of its own in this pass it is still its turn.
                (waiting.appendleft if turn == whole_turn else waiting.append)(request)
                return taken
            request.todo.popleft()
            work.taken = True
            taken.append(work)
            turn -= work.n_tokens
            room -= work.n_tokens
        if request.todo and not request.is_over:
            waiting.append(request)
    return taken


def _next_work(request: QueuedRequest) -> Work | None:
    """The first of the request's pairs that nobody has begun; None if there is none, or nobody waits for them."""
    if request.is_over:
        return None
    while request.todo and request.todo[0].taken:
        request.todo.popleft()
    return request.todo[0] if request.todo else None
