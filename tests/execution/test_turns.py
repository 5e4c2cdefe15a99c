"""Many callers on one CPU: first come, first served, never more at work than there are cores, nobody left behind."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from waiting import start, until

from secondpass.concurrency.threads import map_in_threads
from secondpass.encoder import Capabilities
from secondpass.execution.parallel_passes import n_parallel_passes, run_in_parallel
from secondpass.execution.pipeline import Pipeline
from secondpass.execution.turns import Turns, turns
from secondpass.ranking import Pair
from secondpass.tokenization.long_documents import WindowedTokens, Windows
from secondpass.tokenization.tokens import PairTokens


def test_turns_are_had_in_the_order_in_which_they_were_asked_for() -> None:
    own = Turns()
    order: list[int] = []

    def wait(number: int) -> None:
        with own.turn(1, 1):
            order.append(number)

    threads = []
    with own.turn(1, 1):
        for number in range(5):
            threads.append(start(wait, number))
            until(lambda: len(own._waiting) == len(threads))
        assert order == []
    for thread in threads:
        thread.join(20)
    assert order == list(range(5))


def test_no_more_threads_are_at_work_than_there_are_cores() -> None:
    own = Turns()
    changing = threading.Lock()
    at_work: list[int] = [0]
    seen: list[int] = []

    def work(n_threads: int) -> None:
        for _ in range(30):
            with own.turn(n_threads, 4):
                with changing:
                    at_work[0] += n_threads
                    seen.append(at_work[0])
                time.sleep(0.0005)
                with changing:
                    at_work[0] -= n_threads

    threads = [start(work, n) for n in (1, 1, 2, 2, 3, 4)]
    for thread in threads:
        thread.join(20)
    assert len(seen) == 6 * 30
    assert max(seen) == 4


def test_a_pass_that_is_wider_than_the_cores_runs_alone() -> None:
    own = Turns()
    began, go = threading.Semaphore(0), threading.Event()

    def hold(n_threads: int) -> None:
        with own.turn(n_threads, 2):
            began.release()
            assert go.wait(20)

    with own.turn(1, 2):
        threads = [start(hold, 8)]
        until(lambda: len(own._waiting) == 1)
        threads.append(start(hold, 1))
        until(lambda: len(own._waiting) == 2)
    assert began.acquire(timeout=20)
    assert (own._n_threads, len(own._waiting)) == (8, 1), "there is no room beside it"
    go.set()
    for thread in threads:
        thread.join(20)
    assert (own._n_threads, len(own._waiting)) == (0, 0)


def test_a_pass_that_fails_lets_the_next_one_in() -> None:
    own = Turns()
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), own.turn(2, 2):
            raise ZeroDivisionError
    with own.turn(2, 2):
        assert own._n_threads == 2
    assert (own._n_threads, len(own._waiting)) == (0, 0)


def test_callers_are_counted() -> None:
    own = Turns()
    with own.caller() as first, own.caller() as second:
        assert (first, second) == (1, 2)
    with pytest.raises(ZeroDivisionError), own.caller():
        raise ZeroDivisionError
    with own.caller() as again:
        assert again == 1


class Watched:
    """A network that keeps how many of its passes run at a time, and how many pairs each has."""

    capabilities = Capabilities(torch.device("cpu"), splits_cores=True)
    pads = False

    def __init__(self) -> None:
        self.changing = threading.Lock()
        self.n_running = 0
        self.seen: list[int] = []
        self.sizes: list[int] = []

    def __call__(self, pairs: PairTokens) -> torch.Tensor:
        with self.changing:
            self.n_running += 1
            self.seen.append(self.n_running)
            self.sizes.append(len(pairs))
        time.sleep(0.002)
        with self.changing:
            self.n_running -= 1
        return torch.tensor([[float(ids.sum())] for ids in torch.from_numpy(pairs.ids).split(pairs.lengths.tolist())])


def read(pairs: Sequence[Pair]) -> WindowedTokens:
    """As many tokens as the document has characters, each of them 1."""
    lengths = np.array([len(document) for _, document in pairs], np.int64)
    n, n_tokens = len(pairs), int(lengths.sum())
    tokens = PairTokens(np.ones(n_tokens, np.int32), np.zeros(n_tokens, np.uint8), lengths)
    ones, zeros, no = np.ones(n, np.int64), np.zeros(n, np.int64), np.zeros(n, np.bool_)
    return WindowedTokens(tokens, Windows(ones, np.arange(n), zeros, zeros, no, no))


def have_cores(monkeypatch: pytest.MonkeyPatch, n_cores: int) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(n_cores)), raising=False)


@pytest.fixture
def two_threads(monkeypatch: pytest.MonkeyPatch) -> object:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    have_cores(monkeypatch, 2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_callers_with_one_thread_each_have_a_core_each(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    have_cores(monkeypatch, 4)
    together = threading.Barrier(4)
    ran: list[list[int]] = []

    def call() -> None:
        ran.append(run_in_parallel(lambda _: together.wait(10), [0], 1))

    for thread in [start(call) for _ in range(4)]:
        thread.join(20)
    assert sorted(ran) == [[0], [1], [2], [3]]


def test_no_pass_runs_in_the_main_thread() -> None:
    for items in ([0], [0, 1]):
        for n_parallel in (1, 2):
            ran = run_in_parallel(lambda _: threading.current_thread(), items, n_parallel)
            assert len(ran) == len(items)
            assert threading.main_thread() not in ran


def test_a_pass_that_waits_is_not_begun_after_an_error() -> None:
    own = Turns()
    begun: list[int] = []

    def fail(number: int) -> None:
        begun.append(number)
        until(lambda: len(own._waiting) == 1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        map_in_threads(fail, [0, 1], 2, turn=lambda: own.turn(1, 1))
    assert len(begun) == 1
    assert (own._n_threads, len(own._waiting)) == (0, 0)


@pytest.mark.usefixtures("two_threads")
def test_one_who_computes_elsewhere_is_not_counted() -> None:
    network = Watched()
    on_cores: Pipeline[Pair] = Pipeline(read, [network], 2048)

    class Elsewhere:
        capabilities = Capabilities(torch.device("cpu"))
        pads = False

        def __call__(self, pairs: PairTokens) -> torch.Tensor:
            list(on_cores.run([pairs_of(0)]))
            return torch.zeros(len(pairs), 1)

    list(Pipeline(read, [Elsewhere()], 2048).run([pairs_of(1)]))
    assert len(network.sizes) == n_parallel_passes([Watched.capabilities])


def pairs_of(caller: int) -> list[Pair]:
    return [(f"query {caller}", "x" * (40 + i)) for i in range(20)]


@pytest.mark.usefixtures("two_threads")
def test_callers_at_the_same_time_share_the_cores_and_get_their_own() -> None:
    network = Watched()
    pipeline: Pipeline[Pair] = Pipeline(read, [network], 2048)
    n_callers = 8
    wrong: list[object] = []
    together = threading.Barrier(n_callers)

    def call(caller: int) -> None:
        pairs = pairs_of(caller)[caller:]
        together.wait(20)
        for _ in range(5):
            (block,) = pipeline.run([pairs])
            if block.values[:, 0].tolist() != [float(len(document)) for _, document in pairs]:
                wrong.append(caller)

    threads = [start(call, caller) for caller in range(n_callers)]
    for thread in threads:
        thread.join(60)
    assert wrong == []
    assert sum(network.sizes) == 5 * sum(20 - caller for caller in range(n_callers))
    assert max(network.seen) <= n_parallel_passes([network.capabilities])


@pytest.mark.usefixtures("two_threads")
def test_one_caller_divides_its_pairs_and_one_of_many_does_not() -> None:
    n_parallel = n_parallel_passes([Watched.capabilities])
    for n_others, n_batches in ((0, n_parallel), (1, 1), (5, 1)):
        network = Watched()
        pipeline: Pipeline[Pair] = Pipeline(read, [network], 2048)
        others = [turns().caller() for _ in range(n_others)]
        for other in others:
            other.__enter__()
        list(pipeline.run([pairs_of(0)]))
        for other in others:
            other.__exit__(None, None, None)
        assert len(network.sizes) == n_batches


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_the_child_of_a_process_whose_cores_are_taken_scores() -> None:
    code = """
import os, signal, threading
import torch
torch.set_num_threads(2)
from secondpass import CrossEncoder
model = CrossEncoder("secondpass/mini")
DOCUMENTS = [f"document {i} " * (5 + i) for i in range(30)]
model.score("q", DOCUMENTS)
from secondpass.execution import turns as turns_module
from secondpass.execution.turns import turns
turns_module._FORK_PATIENCE = 0.2  # seconds; in vain here
begun, go = threading.Event(), threading.Event()
def hold():
    with turns().turn(2, 2):
        begun.set()
        go.wait()
holding = threading.Thread(target=hold)
holding.start()
begun.wait()
child = os.fork()
if child == 0:
    signal.alarm(60)
    os._exit(len(model.score("q", DOCUMENTS)))
print("child", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
go.set()
holding.join()
print("parent", len(model.score("q", DOCUMENTS)))
"""
    environment = {**os.environ, "PYTHONWARNINGS": "ignore", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=240, env=environment
    )
    assert (done.returncode, done.stdout.split()) == (0, ["child", "30", "parent", "30"]), done.stderr[-2000:]


def n_waiting(own: Turns) -> int:
    """How many wait when nobody is being let in."""
    with own._changing:
        return len(own._waiting)


def test_held_turns_are_had_once_all_holds_are_over() -> None:
    own = Turns()
    at_work, end = threading.Event(), threading.Event()

    def work() -> None:
        with own.turn(1, 2):
            at_work.set()
            end.wait()

    first = start(work)
    until(at_work.is_set)
    began = time.monotonic()
    own.hold("past", began + 0.2)  # in vain: the pass goes on
    assert time.monotonic() >= began + 0.2
    others = [start(own.hold, hold, time.monotonic() + 60) for hold in "ab"]
    until(lambda: len(own._holds) == 3)
    end.set()
    for thread in (first, *others):
        thread.join(20)
        assert not thread.is_alive()
    later = [start(work)]
    until(lambda: n_waiting(own) == 1)
    own.release("a")
    later.append(start(work))  # which begins whoever may begin before it waits
    until(lambda: n_waiting(own) == 2)
    own.release("b")
    for thread in later:
        thread.join(20)
        assert not thread.is_alive()


def test_a_hold_that_nobody_releases_ends_by_itself() -> None:
    own = Turns()
    own.hold("lost", time.monotonic() + 0.3)

    def work() -> None:
        with own.turn(1, 1):
            pass

    waiting = start(work)
    waiting.join(20)
    assert not waiting.is_alive()
