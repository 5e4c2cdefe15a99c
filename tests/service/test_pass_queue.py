"""Requests share passes: fairly, each pair once, and no request pays for another one's errors."""

import random
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from serving import Recorder
from waiting import until

from secondpass.errors import CheckpointError, RemoteError, ScoringError
from secondpass.ranking import Pair
from secondpass.service.pass_queue import PassQueue
from secondpass.service.problems import Kind, Problem
from secondpass.service.queued_requests import QueuedRequest, Work, next_pass


class Watcher:
    def __init__(self) -> None:
        self.passes: list[tuple[int, int]] = []
        self.n_shared = 0

    def begun(self, n_pairs: int, n_tokens: int) -> None:
        self.passes.append((n_pairs, n_tokens))

    def shared(self, n_pairs: int) -> None:
        self.n_shared += n_pairs


@contextmanager
def queue_of(
    scorer: Recorder,
    *,
    pass_tokens: int = 100,
    n_passes: int = 1,
    max_tokens: int = 10_000,
    watcher: Watcher | None = None,
) -> Iterator[PassQueue]:
    queue = PassQueue(
        scorer,
        pass_tokens=pass_tokens,
        n_passes=n_passes,
        max_tokens=max_tokens,
        watcher=Watcher() if watcher is None else watcher,
    )
    yield queue
    for _ in range(100):
        scorer.go.release()
    queue.close()
    assert queue.wait(20)
    assert (queue.n_tokens, queue.n_requests) == (0, 0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that queues are told."""
    now = [0.0]
    for module in ("pass_queue", "queued_requests"):
        monkeypatch.setattr(f"secondpass.service.{module}.time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def pairs(query: str, n: int, n_tokens: int = 10) -> list[tuple[Pair, int]]:
    return [((query, f"{query}{i}"), n_tokens) for i in range(n)]


def scores(request: QueuedRequest) -> list[float]:
    return [reading.score for reading in request.future.result(20)]


def n_idle(queue: PassQueue) -> int:
    """Threads that have had a pass, and wait for work."""
    return len(vars(queue._changed)["_waiters"])


def run_pass(scorer: Recorder) -> list[Pair]:
    """Let the pass that runs end, and give what the next one holds."""
    scorer.go.release()
    assert scorer.began.acquire(timeout=20)
    return scorer.passes[-1]


def test_what_waits_is_scored_together() -> None:
    scorer = Recorder(held=True)
    with queue_of(scorer) as queue:
        requests = [queue.submit(pairs("first", 1))]
        assert scorer.began.acquire(timeout=20)
        requests += [queue.submit(pairs(query, 2)) for query in "abc"]
        assert run_pass(scorer) == [(query, f"{query}{i}") for query in "abc" for i in range(2)]
        scorer.go.release()
        assert [scores(request) for request in requests] == [[6.0], [2.0, 2.0], [2.0, 2.0], [2.0, 2.0]]


def test_a_pass_is_counted_before_its_pairs_are_answered() -> None:
    scorer, watcher = Recorder(held=True), Watcher()
    queue = PassQueue(scorer, pass_tokens=100, n_passes=1, max_tokens=1000, watcher=watcher)
    request = queue.submit(pairs("a", 2))
    assert scorer.began.acquire(timeout=20)
    counted: list[tuple[int, int]] = []
    request.future.add_done_callback(lambda _: counted.extend(watcher.passes))  # runs in the thread that answers
    scorer.go.release()
    assert scores(request) == [2.0, 2.0]
    queue.close()
    assert queue.wait(20)
    assert counted == [(2, 20)]


def test_a_long_request_holds_a_short_one_up_for_the_pass_that_runs() -> None:
    scorer = Recorder(held=True)
    with queue_of(scorer, pass_tokens=100) as queue:
        long = queue.submit(pairs("long", 100))
        assert scorer.began.acquire(timeout=20)
        assert len(scorer.passes[0]) == 10
        short = queue.submit(pairs("s", 4))
        assert {("s", f"s{i}") for i in range(4)} <= set(run_pass(scorer))
        scorer.go.release()
        assert scores(short) == [2.0] * 4
        assert not long.future.done()
        for _ in range(20):
            scorer.go.release()
        assert len(scores(long)) == 100
    assert max(len(given) for given in scorer.passes) == 10
    assert scorer.n_scored == 104


def test_a_stream_of_short_requests_does_not_starve_a_long_one() -> None:
    scorer = Recorder(held=True)
    with queue_of(scorer, pass_tokens=100) as queue:
        queue.submit(pairs("x", 10))
        assert scorer.began.acquire(timeout=20)
        queue.submit(pairs("long", 40))
        seen = 0
        for number in range(60):
            for short in range(5):
                queue.submit(pairs(f"s{number}.{short}-", 2))
            seen += sum(query == "long" for query, _ in run_pass(scorer))
        assert seen == 40


def test_two_passes_run_at_a_time_and_the_next_one_begins_when_either_has_ended() -> None:
    scorer = Recorder(held=True)
    with queue_of(scorer, pass_tokens=100, n_passes=2) as queue:
        requests = []
        for query in "ab":
            requests.append(queue.submit(pairs(query, 10)))
            assert scorer.began.acquire(timeout=20)
            assert scorer.passes[-1] == [(query, f"{query}{i}") for i in range(10)]
        requests.append(queue.submit(pairs("c", 10)))
        assert len(queue._threads) == 2, "and both are at work: a third one waits"
        assert run_pass(scorer) == [("c", f"c{i}") for i in range(10)]
        for _ in range(2):
            scorer.go.release()
        assert [scores(request) for request in requests] == [[2.0] * 10] * 3


def test_one_long_request_gets_two_passes_that_were_idle() -> None:
    scorer = Recorder(held=True)
    with queue_of(scorer, pass_tokens=100, n_passes=2) as queue:
        for query in "ab":
            queue.submit(pairs(query, 1))
            assert scorer.began.acquire(timeout=20)
        for _ in range(2):
            scorer.go.release()
        until(lambda: n_idle(queue) == 2)
        queue.submit(pairs("long", 100))
        for _ in range(2):
            assert scorer.began.acquire(timeout=20)


def test_a_long_request_holds_a_short_one_up_until_one_of_two_passes_ends() -> None:
    scorer = Recorder(held=True)
    with queue_of(scorer, pass_tokens=100, n_passes=2) as queue:
        queue.submit(pairs("long", 100))
        for _ in range(2):
            assert scorer.began.acquire(timeout=20)
        queue.submit(pairs("s", 4))
        assert {("s", f"s{i}") for i in range(4)} <= set(run_pass(scorer))


def test_equal_pairs_of_requests_that_wait_are_scored_once() -> None:
    scorer = Recorder(held=True)
    with queue_of(scorer) as queue:
        under_way = queue.submit(pairs("a", 2))
        assert scorer.began.acquire(timeout=20)
        requests = [
            under_way,
            queue.submit(pairs("a", 3)),
            queue.submit(pairs("a", 4)),
            queue.submit(pairs("a", 2) * 3),
        ]
        for _ in range(5):
            scorer.go.release()
        assert [scores(request) for request in requests] == [[2.0] * n for n in (2, 3, 4, 6)]
    assert sorted(pair for given in scorer.passes for pair in given) == [("a", f"a{i}") for i in range(4)]


def test_a_request_shares_nothing_with_itself() -> None:
    watcher = Watcher()
    with queue_of(Recorder(), watcher=watcher) as queue:
        assert scores(queue.submit(pairs("a", 2) * 3)) == [2.0] * 6
    assert watcher.n_shared == 0


@pytest.mark.parametrize("own", [0, 1])
def test_a_request_that_joins_a_pass_has_not_waited_and_takes_as_long_as_the_rest_of_it(
    own: int, clock: list[float]
) -> None:
    scorer = Recorder(held=True)
    with queue_of(scorer) as queue:
        queue.submit(pairs("a", 2))
        assert scorer.began.acquire(timeout=20)
        clock[0] = 10.0
        joins = queue.submit([*pairs("a", 2), *pairs("own", own)])
        clock[0] = 12.0
        for _ in range(2):
            scorer.go.release()
        assert len(scores(joins)) == 2 + own
        assert (joins.queue_seconds, joins.scoring_seconds) == (0.0, 2.0)


def test_what_was_scored_is_scored_again_for_a_later_request() -> None:
    scorer = Recorder()
    with queue_of(scorer) as queue:
        assert scores(queue.submit(pairs("a", 2))) == scores(queue.submit(pairs("a", 2)))
    assert scorer.n_scored == 4


@pytest.mark.parametrize("n_passes", [1, 2])
@pytest.mark.parametrize("broken", [["b1"], ["b0", "b1"], ["a1", "b1"]])
def test_only_the_requests_whose_pairs_break_the_model_fail(broken: list[str], n_passes: int) -> None:
    scorer = Recorder(broken=broken, held=True)
    with queue_of(scorer, pass_tokens=1000, n_passes=n_passes) as queue:
        queue.submit(pairs("first", 1))
        assert scorer.began.acquire(timeout=20)
        requests = {query: queue.submit(pairs(query, 3)) for query in "abc"}
        shares = queue.submit([*pairs("a", 1), *pairs("c", 2)])
        for _ in range(100):
            scorer.go.release()
        for query, request in requests.items():
            if any(document.startswith(query) for document in broken):
                with pytest.raises(RuntimeError, match=f"cannot read {query}"):
                    request.future.result(20)
            else:
                assert scores(request) == [2.0] * 3
        assert scores(shares) == [2.0] * 3
        assert scores(queue.submit(pairs("d", 2))) == [2.0] * 2, "the queue goes on"


def test_a_request_for_which_no_thread_starts_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refused(threading.Thread):
        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    with queue_of(Recorder()) as queue:
        with monkeypatch.context() as few:
            few.setattr(threading, "Thread", Refused)
            with pytest.raises(RuntimeError, match="new thread"):
                queue.submit(pairs("a", 2))
        assert (queue.n_tokens, queue.n_requests) == (0, 0)
        assert scores(queue.submit(pairs("a", 2))) == [2.0, 2.0]


def test_a_reading_of_ones_own_need_not_count_tokens() -> None:
    class Read:
        def __init__(self, n: int) -> None:
            self.scores = np.arange(n, dtype=np.float32)
            self.truncated = np.zeros(n, np.bool_)
            self.passages = [None] * n

    class Reader(Recorder):
        def read(self, pairs: Sequence[Pair]) -> Read:
            return Read(len(pairs))

    with queue_of(Reader()) as queue:
        readings = queue.submit(pairs("a", 2)).future.result(20)
    assert [(reading.score, reading.n_tokens) for reading in readings] == [(0.0, None), (1.0, None)]


@pytest.mark.parametrize(
    ("error", "n_calls"),
    [
        (RemoteError("busy", status=429), 1),
        (RemoteError("away", status=503), 1),
        (RemoteError("no connection"), 1),
        (CheckpointError("written over"), 1),
        # With 100, 50, 25, 12, 6, 3 and 1 pairs until the first request has its error; 25, 12, 6, 3 and 1 after it.
        (RemoteError("too large", status=413), 12),
        (RemoteError("not for this text", status=403), 12),
        (RemoteError("all 100 documents must come back", status=200), 12),
    ],
)
def test_a_scorer_that_is_away_is_asked_once_for_a_pass(error: Exception, n_calls: int) -> None:
    class Away(Recorder):
        def predict(self, pairs: Iterable[Pair]) -> list[float]:
            super().predict(pairs)
            raise error

    scorer = Away(held=True)
    with queue_of(scorer) as queue:
        first = queue.submit(pairs("x", 1))
        assert scorer.began.acquire(timeout=20)
        requests = [queue.submit(pairs(query, 50, n_tokens=1)) for query in "ab"]
        for _ in range(100):
            scorer.go.release()
        for request in (first, *requests):
            with pytest.raises(type(error), match=str(error)):
                request.future.result(20)
    assert len(scorer.passes) == 1 + n_calls


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), MemoryError()])
def test_an_error_that_would_end_a_thread_fails_a_request(error: BaseException) -> None:
    class Ends(Recorder):
        def predict(self, pairs: object) -> list[float]:  # noqa: ARG002 - it scores nothing
            raise error

    with queue_of(Ends()) as queue:
        for _ in range(2):
            with pytest.raises(MemoryError if isinstance(error, MemoryError) else ScoringError):
                queue.submit(pairs("a", 2)).future.result(20)


@pytest.mark.parametrize("error", [RuntimeError("no counter"), SystemExit(3)])
def test_a_watcher_that_fails_fails_the_requests_of_its_pass(error: BaseException) -> None:
    class FailsOnce(Watcher):
        def begun(self, n_pairs: int, n_tokens: int) -> None:
            super().begun(n_pairs, n_tokens)
            if len(self.passes) == 1:
                raise error

    with queue_of(Recorder(), watcher=FailsOnce()) as queue:
        with pytest.raises(RuntimeError if isinstance(error, RuntimeError) else ScoringError):
            queue.submit(pairs("a", 2)).future.result(20)
        assert queue.n_tokens == 0
        assert scores(queue.submit(pairs("a", 2))) == [2.0, 2.0]


def test_nan_and_a_wrong_number_of_scores_fail_their_request() -> None:
    class Odd(Recorder):
        def predict(self, pairs: object) -> list[float]:
            given = list(pairs)  # type: ignore[call-overload] # a list of pairs
            return [float("nan")] * len(given) if given[0][0] == "nan" else [1.0] * (len(given) + 1)

    with queue_of(Odd()) as queue:
        with pytest.raises(ScoringError, match="got NaN"):
            queue.submit(pairs("nan", 2)).future.result(20)
        with pytest.raises(ScoringError, match="one score per"):
            queue.submit(pairs("many", 1)).future.result(20)


def test_what_nobody_waits_for_is_not_scored() -> None:
    scorer = Recorder(held=True)
    with queue_of(scorer) as queue:
        first = queue.submit(pairs("first", 1))
        assert scorer.began.acquire(timeout=20)
        gone, stays = queue.submit(pairs("a", 3)), queue.submit([*pairs("a", 1), *pairs("b", 1)])
        assert queue.n_tokens == 10 + 30 + 10, "one pair is shared"
        queue.cancel(gone)
        queue.cancel(gone)
        assert queue.n_tokens == 10 + 20
        assert run_pass(scorer) == [("a", "a0"), ("b", "b0")]
        again = queue.submit(pairs("a", 3))
        for _ in range(5):
            scorer.go.release()
        assert [scores(request) for request in (first, stays, again)] == [[6.0], [2.0, 2.0], [2.0] * 3]
        with pytest.raises(CancelledError):
            gone.future.result(0)
        queue.cancel(first)
        assert scores(first) == [6.0], "what is answered stays answered"


def test_what_nobody_waits_for_is_not_scored_again_after_a_pass_that_failed() -> None:
    scorer = Recorder(broken=["a0"], held=True)
    with queue_of(scorer) as queue:
        first = queue.submit(pairs("first", 1))
        assert scorer.began.acquire(timeout=20)
        stays, gone = queue.submit(pairs("a", 2)), queue.submit(pairs("b", 2))
        assert sorted(run_pass(scorer)) == [("a", "a0"), ("a", "a1"), ("b", "b0"), ("b", "b1")]
        queue.cancel(gone)
        for _ in range(10):
            scorer.go.release()
        with pytest.raises(RuntimeError, match="cannot read a0"):
            stays.future.result(20)
        assert scores(first) == [6.0]
    assert all(query == "a" for given in scorer.passes[2:] for query, _ in given)


def test_a_request_has_started_with_its_first_pass() -> None:
    scorer = Recorder(held=True)
    with queue_of(scorer, pass_tokens=100) as queue:
        request = queue.submit(pairs("a", 20))
        assert scorer.began.acquire(timeout=20)
        started = request.started
        assert started is not None
        run_pass(scorer)
        assert request.started == started


def test_a_full_queue_refuses_and_then_takes_again() -> None:
    scorer = Recorder(held=True)
    with queue_of(scorer, max_tokens=50) as queue:
        with pytest.raises(Problem, match="a request must have at most 50 tokens, got about 60") as never:
            queue.submit(pairs("a", 6))
        assert (never.value.kind, never.value.retry_after) == (Kind.TOO_LARGE, None)
        request = queue.submit(pairs("a", 3))
        with pytest.raises(Problem, match="at most 50 tokens may wait, and about 30 do") as later:
            queue.submit(pairs("b", 3))
        assert later.value.kind is Kind.OVERLOADED
        assert later.value.retry_after is not None
        assert later.value.retry_after >= 1
        scorer.go.release()
        scores(request)
        scorer.go.release()
        assert scores(queue.submit(pairs("b", 5))) == [2.0] * 5


def test_nobody_is_told_to_stay_away_for_more_than_a_minute() -> None:
    scorer = Recorder(held=True)
    with queue_of(scorer, max_tokens=10**9) as queue:
        queue.submit(pairs("a", 1, 10**9))
        with pytest.raises(Problem, match="tokens may wait") as refused:
            queue.submit(pairs("b", 1, 10**9))
    assert refused.value.retry_after == 60


def test_seconds_of_passes_side_by_side_count_once(clock: list[float]) -> None:
    scorer = Recorder(held=True)
    with queue_of(scorer, pass_tokens=1_000, n_passes=2, max_tokens=10_000) as queue:
        for query in "ab":
            queue.submit(pairs(query, 1, 1_000))
            assert scorer.began.acquire(timeout=20)
        clock[0] = 10.0
        for _ in range(2):
            scorer.go.release()
        until(lambda: n_idle(queue) == 2)
        queue.submit(pairs("full", 10, 1_000))
        with pytest.raises(Problem, match="tokens may wait") as refused:
            queue.submit(pairs("more", 10, 1_000))
    # A fifth of each pass goes into the mean of a thousand tokens, 0.1 s at first: 0.8 * 0.1 + 0.2 * 10 s after the
    # first one, and 0.8 of that after the second, which took no second of its own: 1.664 s. So ten times that.
    assert refused.value.retry_after == 17


def test_pairs_that_are_on_their_way_take_no_room_again() -> None:
    scorer = Recorder(held=True)
    with queue_of(scorer, max_tokens=100) as queue:
        requests = [queue.submit(pairs("a", 6))]
        assert scorer.began.acquire(timeout=20)
        requests += [queue.submit(pairs("a", 6)), queue.submit([*pairs("a", 6), *pairs("b", 4)])]
        assert queue.n_tokens == 100
        requests.append(queue.submit([*pairs("a", 6), *pairs("b", 4)]))
        with pytest.raises(Problem, match="at most 100 tokens may wait, and about 100 do"):
            queue.submit([*pairs("a", 6), *pairs("c", 1)])
        with pytest.raises(Problem, match="a request must have at most 100 tokens, got about 110"):
            queue.submit([*pairs("a", 6), *pairs("b", 5)])
        for request in requests[2:]:
            queue.cancel(request)
        assert queue.n_tokens == 60, "which are being scored, for the others"
        queue.cancel(requests[0])
        for _ in range(5):
            scorer.go.release()
        assert scores(requests[1]) == [2.0] * 6
        assert queue.n_tokens == 0
    assert scorer.n_scored == 6


def test_what_nobody_waits_for_takes_room_until_its_pass_has_ended() -> None:
    scorer = Recorder(held=True)
    with queue_of(scorer, max_tokens=60) as queue:
        gone = queue.submit(pairs("a", 6))
        assert scorer.began.acquire(timeout=20)
        queue.cancel(gone)
        with pytest.raises(Problem, match="at most 60 tokens may wait, and about 60 do"):
            queue.submit(pairs("b", 1))
        back = queue.submit(pairs("a", 6))
        scorer.go.release()
        assert scores(back) == [2.0] * 6
    assert scorer.n_scored == 6


@pytest.mark.parametrize("n_passes", [1, 3])
def test_closing_finishes_what_waits_and_takes_nothing_more(n_passes: int) -> None:
    scorer = Recorder(held=True)
    with queue_of(scorer, n_passes=n_passes) as queue:
        requests = [queue.submit(pairs(query, 12)) for query in "ab"]
        queue.close()
        with pytest.raises(Problem, match="about to stop") as refused:
            queue.submit(pairs("c", 1))
        assert refused.value.kind is Kind.UNAVAILABLE
        for _ in range(10):
            scorer.go.release()
        assert queue.wait(20)
        assert [len(scores(request)) for request in requests] == [12, 12]


@pytest.mark.parametrize("n_passes", [1, 2])
def test_what_is_not_scored_in_time_is_told_so(n_passes: int) -> None:
    scorer = Recorder(held=True)
    with queue_of(scorer, n_passes=n_passes) as queue:
        request = queue.submit(pairs("a", 1))
        assert scorer.began.acquire(timeout=20)
        queue.close()
        assert not queue.wait(0.01)
        with pytest.raises(Problem, match="stopped before it came to this request"):
            request.future.result(0)


def test_all_passes_together_are_waited_for_as_long_as_asked(clock: list[float]) -> None:
    waited: list[float] = []

    class AtWork(threading.Thread):
        def join(self, timeout: float | None = None) -> None:
            assert timeout is not None
            waited.append(timeout)
            clock[0] += timeout

    queue = PassQueue(Recorder(), pass_tokens=100, n_passes=3, max_tokens=100, watcher=Watcher())
    queue._threads = [AtWork() for _ in range(3)]
    assert not queue.wait(1.5)
    assert waited == [1.5, 0.0, 0.0, pytest.approx(0.1), 0.0, 0.0]


def test_no_pairs_are_answered_at_once() -> None:
    with queue_of(Recorder()) as queue:
        assert queue.submit([]).future.result(0) == []


@given(
    st.lists(st.lists(st.integers(1, 60), min_size=1, max_size=12), min_size=1, max_size=8),
    st.integers(1, 120),
)
def test_passes_hold_every_pair_once_within_their_budget_and_every_job_in_turn(
    requests: list[list[int]], pass_tokens: int
) -> None:
    works = [[Work((str(i), str(j)), n) for j, n in enumerate(sizes)] for i, sizes in enumerate(requests)]
    waiting = deque(map(QueuedRequest, works))
    passes = []
    while waiting:
        passes.append(next_pass(waiting, pass_tokens))
        assert len(passes) <= 200
    assert all(len(taken) == 1 or sum(work.n_tokens for work in taken) <= pass_tokens for taken in passes)
    for i, own in enumerate(works):
        assert [work for taken in passes for work in taken if work.pair[0] == str(i)] == own
    for i in range(len(requests)):
        turns = [number for number, taken in enumerate(passes) if any(work.pair[0] == str(i) for work in taken)]
        waits = [after - before for before, after in zip([-1, *turns], turns, strict=False)]
        assert max(waits) <= len(requests), "a request waits for no more passes than there are requests"


@pytest.mark.parametrize("n_passes", [1, 2])
def test_many_threads_get_their_own_scores(n_passes: int) -> None:
    scorer = Recorder(broken=["broken"])
    chance = random.Random(3)  # noqa: S311 - for a test
    plans = [
        [
            [chance.choice(["a", "bb", "ccc", "dddd", "broken", str(chance.random())]) for _ in range(9)]
            for _ in range(30)
        ]
        for _ in range(6)
    ]
    wrong: list[object] = []

    def client(queue: PassQueue, number: int) -> None:
        for turn, documents in enumerate(plans[number]):
            request = queue.submit([(("q", document), 5) for document in documents])
            if turn % 5 == 4:
                queue.cancel(request)
                continue
            try:
                answer: object = [reading.score for reading in request.future.result(30)]
            except RuntimeError:
                answer = "broken"
            expected = "broken" if "broken" in documents else [float(len(document)) for document in documents]
            if answer != expected:
                wrong.append((documents, answer))

    with queue_of(scorer, pass_tokens=60, n_passes=n_passes) as queue:
        threads = [threading.Thread(target=client, args=(queue, number)) for number in range(len(plans))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert wrong == []
