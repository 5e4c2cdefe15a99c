"""Requests share a model's passes: one queue per model, and a thread for each pass that runs at a time."""

import math
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from secondpass.errors import ScoringError, SecondPassError
from secondpass.errors.item_numbers import renumber
from secondpass.errors.scorer_failures import is_away
from secondpass.ranking import Pair, Scorer, read_pairs
from secondpass.ranking.readings import Reading
from secondpass.service.pass_speed import PassSpeed
from secondpass.service.problems import Kind, Problem, stopping
from secondpass.service.queued_requests import QueuedRequest, Work, next_pass

# Nobody is told to stay away for longer, in seconds.
_MOST_RETRY_AFTER = 60


class Watcher(Protocol):
    """Is told what a queue does, from threads of the queue's."""

    def begun(self, n_pairs: int, n_tokens: int) -> None:
        """A pass has begun, over so many pairs of about so many tokens: before any of them is answered."""
        ...

    def shared(self, n_pairs: int) -> None:
        """So many pairs of a request were already on their way for another one."""
        ...


class PassQueue:
    """Scores the pairs of many requests in passes of bounded size.

    A pass begins as soon as one before it has ended, with what waits then: nothing is held back for company. Equal
    pairs of requests that wait at the same time are scored once. An error in a pass is the error of those requests
    alone whose own pairs raise it, but where the scorer cannot be asked at all. Any thread may call any method.

    Args:
        scorer: Gives the scores; where several passes run at a time, to several threads at a time.
        pass_tokens: Tokens of one pass, estimated.
        n_passes: How many run at a time.
        max_tokens: Of all pairs that wait or are being scored, each counted once, estimated.
        watcher: Is told of passes.
    """

    def __init__(
        self, scorer: Scorer, *, pass_tokens: int, n_passes: int = 1, max_tokens: int, watcher: Watcher
    ) -> None:
        self._scorer = scorer
        self._pass_tokens = pass_tokens
        self._n_passes = n_passes
        self._max_tokens = max_tokens
        self._watcher = watcher
        self._changed = threading.Condition()
        self._waiting: deque[QueuedRequest] = deque()
        self._open: set[QueuedRequest] = set()
        self._works: dict[Pair, Work] = {}
        self._n_tokens = 0
        self._speed = PassSpeed()
        self._is_closed = False
        self._threads: list[threading.Thread] = []

    @property
    def n_tokens(self) -> int:
        """Tokens of all pairs that wait or are being scored, each counted once, estimated."""
        return self._n_tokens

    @property
    def n_requests(self) -> int:
        """Requests that are not answered yet."""
        return len(self._open)

    def check_room(self, n_tokens: int = 1, n_shared: int = 0) -> None:
        """Raise Problem unless a request may wait.

        Args:
            n_tokens: Of all its pairs.
            n_shared: Of those that are on their way for another request already, which cost nothing.
        """
        if self._is_closed:
            raise stopping("this server is about to stop")
        if n_tokens > self._max_tokens:
            raise Problem(
                Kind.TOO_LARGE,
                f"a request must have at most {self._max_tokens} tokens, got about {n_tokens}: send fewer documents",
            )
        too_many = self._n_tokens + n_tokens - n_shared - self._max_tokens
        if too_many > 0:
            raise Problem(
                Kind.OVERLOADED,
                f"at most {self._max_tokens} tokens may wait, and about {self._n_tokens} do",
                retry_after=self._retry_after(too_many),
            )

    def submit(self, pairs: Sequence[tuple[Pair, int]]) -> QueuedRequest:
        """Put pairs in line.

        Args:
            pairs: Each with about the number of its tokens.

        Raises:
            Problem: There is no room.
        """
        with self._changed:
            sizes = dict(pairs)
            self.check_room(
                sum(sizes.values()), sum(n_tokens for pair, n_tokens in sizes.items() if pair in self._works)
            )
            # Before anything is in line, which would stay there for ever if no thread can be started.
            self._start_threads()
            n_known = len(self._works)
            works = [self._work(pair, n_tokens) for pair, n_tokens in pairs]
            request = QueuedRequest(works)
            n_shared = request.n_open - (len(self._works) - n_known)
            if request.n_open == 0:
                request.future.set_result([])
                return request
            self._open.add(request)
            self._waiting.append(request)
            self._changed.notify()
        if n_shared:
            self._watcher.shared(n_shared)
        return request

    def cancel(self, request: QueuedRequest) -> None:
        """Nobody waits for this request any more, unless it is over: what of it has not been begun never is."""
        with self._changed:
            request.future.cancel()
            self._forget(request)

    def close(self) -> None:
        """Take no more, and stop once all that waits is scored."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def reopen(self) -> None:
        """Take requests again; a thread whose pass has not ended since counts as one of the queue's."""
        with self._changed:
            self._is_closed = False

    def wait(self, timeout: float) -> bool:
        """Wait until a closed queue has stopped.

        Args:
            timeout: Seconds; what is not scored after them fails.

        Returns:
            Whether the queue's threads have ended.
        """
        self._join(timeout)
        with self._changed:
            for request in list(self._open):
                self._answer(request, stopping("this server stopped before it came to this request"))
        self._join(0.1)
        return not self._threads

    def _join(self, timeout: float) -> None:
        """Wait for the threads, all of them together for so many seconds."""
        end = time.monotonic() + timeout
        for thread in list(self._threads):
            thread.join(max(0.0, end - time.monotonic()))

    def _start_threads(self) -> None:
        while len(self._threads) < self._n_passes:
            thread = threading.Thread(target=self._run, name="secondpass-passes", daemon=True)
            thread.start()
            self._threads.append(thread)

    def _work(self, pair: Pair, n_tokens: int) -> Work:
        work = self._works.get(pair)
        if work is None:
            work = self._works[pair] = Work(pair, n_tokens)
            self._n_tokens += n_tokens
        return work

    def _let_go(self, work: Work) -> None:
        """Forget a pair that is scored or that nobody waits for, if that is not done; called with the lock held."""
        if self._works.get(work.pair) is work:
            del self._works[work.pair]
            self._n_tokens -= work.n_tokens

    def _retry_after(self, too_many: int) -> int:
        """Whole seconds until there is expected to be room for so many tokens that there is none for now."""
        return min(_MOST_RETRY_AFTER, max(1, math.ceil(self._speed.seconds(too_many))))

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._is_closed:
                    self._changed.wait()
                if not self._waiting:
                    self._threads.remove(threading.current_thread())
                    return
                works = next_pass(self._waiting, self._pass_tokens)
                if self._waiting:  # more than one pass holds: for another thread
                    self._changed.notify()
            try:
                self._pass(works)
            except BaseException as error:  # noqa: BLE001 - nothing may end this thread: all others would wait for ever
                self._fail(works, error)

    def _pass(self, works: Sequence[Work]) -> None:
        if not works:
            return
        began = time.monotonic()
        with self._changed:
            for request in {request for work in works for request in work.requests}:
                request.started = began if request.started is None else request.started
        n_tokens = sum(work.n_tokens for work in works)
        self._watcher.begun(len(works), n_tokens)
        self._score(works)
        with self._changed:
            self._speed.add(n_tokens, began, time.monotonic())

    def _score(self, works: Sequence[Work]) -> None:
        """Score pairs; where that raises, the halves of them, down to the pairs that raise it.

        A service that is away is not asked for the halves: it would be asked the more often, the more wait for it.
        """
        try:
            readings = read_pairs(self._scorer, [work.pair for work in works]).one_by_one()
        except BaseException as error:  # noqa: BLE001 - whatever a model raises is for those who sent the pair
            if len(works) == 1 or is_away(error):
                self._fail(works, error)
                return
        else:
            for work, reading in zip(works, readings, strict=True):
                self._end(work, reading)
            return
        middle = len(works) // 2
        for half in (works[:middle], works[middle:]):
            wanted = self._still_wanted(half)
            if wanted:
                self._score(wanted)

    def _still_wanted(self, works: Sequence[Work]) -> list[Work]:
        """Those that someone waits for; the others are let go of."""
        with self._changed:
            wanted = [work for work in works if work.is_wanted]
            for work in works:
                if not work.is_wanted:
                    self._let_go(work)
        return wanted

    def _fail(self, works: Sequence[Work], error: BaseException) -> None:
        """Tell everyone who waits for any of these pairs, scored in one call, what went wrong."""
        for work in works:
            self._end(work, _for_clients(error), works)

    def _end(self, work: Work, outcome: Reading | Exception, together: Sequence[Work] = ()) -> None:
        """Tell everyone who waits for a pair what came of it.

        Args:
            work: The pair.
            outcome: What was read of it, or what went wrong.
            together: The pairs that such an error counts.
        """
        with self._changed:
            self._let_go(work)
            for request in work.requests:
                if request not in self._open:
                    continue
                if isinstance(outcome, SecondPassError):
                    self._answer(request, renumber(outcome, request.numbers_of(together)))
                elif isinstance(outcome, Exception):
                    self._answer(request, outcome)
                elif work.reading is None:
                    request.n_open -= 1
            if not isinstance(outcome, Exception):
                work.reading = outcome
                for request in work.requests:
                    if request.n_open == 0 and request in self._open:
                        self._answer(request, [w.reading for w in request.works if w.reading is not None])

    def _answer(self, request: QueuedRequest, answer: list[Reading] | Exception) -> None:
        """Answer a request, unless its client has gone; called by whoever holds the lock."""
        request.finished = time.monotonic()
        if not request.is_over and request.future.set_running_or_notify_cancel():
            if isinstance(answer, Exception):
                request.future.set_exception(answer)
            else:
                request.future.set_result(answer)
        self._forget(request)

    def _forget(self, request: QueuedRequest) -> None:
        """Let go of a request that is over, and of its pairs that nobody else waits for; called with the lock held."""
        if request not in self._open:
            return
        self._open.remove(request)
        for work in request.works:
            if not work.taken and not work.is_wanted:
                self._let_go(work)


def _for_clients(error: BaseException) -> Exception:
    """The error; in place of one that would end whoever meets it, one that only fails a request."""
    return error if isinstance(error, Exception) else ScoringError(f"the model raised {type(error).__name__}")
