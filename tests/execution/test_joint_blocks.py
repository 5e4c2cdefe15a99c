"""Blocks that are computed together: each caller gets its own rows or its own error, and none is left waiting."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType

import numpy as np
import pytest
from numpy.typing import NDArray
from waiting import start, until

from secondpass.errors import ScoringError
from secondpass.execution import joint_blocks
from secondpass.execution.joint_blocks import JointBlocks
from secondpass.tokenization.tokens import PairTokens

# Tokens of a group. Three pairs of ten are the most that is not computed by itself.
MOST = 120


def block_of(first: int, n_pairs: int, n_tokens: int = 10) -> PairTokens:
    """Pairs of as many tokens each, whose ids are `first`, `first + 1` and so on."""
    lengths = np.full(n_pairs, n_tokens, np.int64)
    ids = np.arange(first, first + n_pairs, dtype=np.int32).repeat(n_tokens)
    return PairTokens(ids, np.zeros(len(ids), np.uint8), lengths)


class Held:
    """Gives each pair's id, and waits for `go` before it does; raises for pairs of these ids.

    Args:
        broken: These.
        begins: All passes begin before `go`; else behind it.
    """

    def __init__(self, *, broken: Sequence[int] = (), begins: bool = False) -> None:
        self.groups: list[list[int]] = []
        self.go = threading.Semaphore(0)
        self.broken = set(broken)
        self.begins = begins

    def __call__(self, pairs: PairTokens, begun: Callable[[], None]) -> NDArray[np.float32]:
        ids = pairs.ids[pairs.lengths.cumsum() - 1].tolist()
        self.groups.append(ids)
        if self.begins:
            begun()
        assert self.go.acquire(timeout=20)
        begun()
        if self.broken & set(ids):
            raise ScoringError("broken")
        return np.array(ids, np.float32)[:, None]


class Callers:
    """Calls of threads, one after the other, and what came of each."""

    def __init__(self, held: Held) -> None:
        self.joint = JointBlocks()
        self.held = held
        self.threads: list[threading.Thread] = []
        self.outcomes: dict[int, object] = {}

    def call(self, first: int, n_pairs: int) -> None:
        """Begin a call, and wait until it computes or waits."""
        before = len(self.held.groups) + len(self.joint._waiting)
        self.threads.append(start(self._call, first, n_pairs))
        until(lambda: len(self.held.groups) + len(self.joint._waiting) > before)

    def finish(self) -> dict[int, object]:
        for _ in range(50):
            self.held.go.release()
        for thread in self.threads:
            thread.join(20)
        assert (self.joint._beginning, len(self.joint._waiting)) == (None, 0)
        return self.outcomes

    def _call(self, first: int, n_pairs: int) -> None:
        try:
            self.outcomes[first] = self.joint.outputs(self.held, block_of(first, n_pairs), MOST)[:, 0].tolist()
        except BaseException as error:  # noqa: BLE001 - what a test is about
            self.outcomes[first] = error


def test_what_comes_meanwhile_is_computed_together_and_each_gets_its_own() -> None:
    held = Held()
    callers = Callers(held)
    for number in range(7):
        callers.call(100 * number, 3)
    assert held.groups == [[0, 1, 2]]
    held.go.release()
    until(lambda: len(held.groups) == 2)
    # Of the six that wait, four with 30 tokens each are within 120.
    assert held.groups[1] == [100 * number + i for number in (1, 2, 3, 4) for i in range(3)]
    assert callers.finish() == {100 * n: [100.0 * n + i for i in range(3)] for n in range(7)}
    assert held.groups[2] == [500, 501, 502, 600, 601, 602]


def test_the_next_group_begins_when_all_passes_of_the_one_before_have() -> None:
    held = Held(begins=True)
    callers = Callers(held)
    for number in range(3):
        callers.call(100 * number, 3)
        until(lambda: len(held.groups) == len(callers.threads))
    assert held.groups == [[100 * number + i for i in range(3)] for number in range(3)]
    assert callers.finish() == {100 * n: [100.0 * n + i for i in range(3)] for n in range(3)}


def test_a_large_block_waits_for_nobody_and_nobody_for_it() -> None:
    held = Held()
    callers = Callers(held)
    for first, n_pairs in ((0, 2), (100, 2), (1000, 4), (200, 2)):
        callers.call(first, n_pairs)
    assert held.groups == [[0, 1], [1000, 1001, 1002, 1003]]
    assert callers.finish() == {
        first: [first + float(i) for i in range(n_pairs)] for first, n_pairs in ((0, 2), (100, 2), (200, 2), (1000, 4))
    }
    assert held.groups[2] == [100, 101, 200, 201]


def test_an_error_is_that_of_the_caller_whose_block_raises_it() -> None:
    held = Held(broken=[301])
    callers = Callers(held)
    for number in range(5):
        callers.call(100 * number, 2)
    outcomes = callers.finish()
    assert held.groups[1] == [100, 101, 200, 201, 300, 301, 400, 401]
    assert isinstance(outcomes.pop(300), ScoringError)
    assert outcomes == {100 * number: [100.0 * number, 100.0 * number + 1] for number in (0, 1, 2, 4)}


def test_nan_is_that_of_the_caller_whose_pair_gives_it() -> None:
    class Spreads(Held):
        """Gives NaN for a pair, and for the one behind it, whose padding it is."""

        def __call__(self, pairs: PairTokens, begun: Callable[[], None]) -> NDArray[np.float32]:
            outputs = super().__call__(pairs, begun)
            for row in np.flatnonzero(outputs == 201.0):
                outputs[row : row + 2] = np.nan
            return outputs

    held = Spreads()
    callers = Callers(held)
    for number in range(5):
        callers.call(100 * number, 2)
    outcomes = callers.finish()
    assert held.groups[1] == [100, 101, 200, 201, 300, 301, 400, 401]
    np.testing.assert_equal(outcomes.pop(200), [200.0, np.nan])
    assert outcomes == {100 * number: [100.0 * number, 100.0 * number + 1] for number in (0, 1, 3, 4)}


def test_an_interruption_of_the_one_that_computes_takes_nothing_from_the_others() -> None:
    class Once(Held):
        def __call__(self, pairs: PairTokens, begun: Callable[[], None]) -> NDArray[np.float32]:
            outputs = super().__call__(pairs, begun)
            if len(pairs) > 2:  # the group; its members alone are computed
                raise KeyboardInterrupt
            return outputs

    held = Once()
    callers = Callers(held)
    for number in range(5):
        callers.call(100 * number, 2)
    outcomes = callers.finish()
    assert isinstance(outcomes.pop(100), KeyboardInterrupt)
    assert outcomes == {100 * number: [100.0 * number, 100.0 * number + 1] for number in (0, 2, 3, 4)}


def test_an_interruption_of_one_that_waits_takes_its_block_out_of_line() -> None:
    held = Held()
    callers = Callers(held)
    for first in (0, 100):
        callers.call(first, 2)

    def interrupt() -> None:
        until(lambda: len(callers.joint._waiting) == 2)
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    start(interrupt)
    with pytest.raises(KeyboardInterrupt):
        callers.joint.outputs(held, block_of(900, 2), MOST)
    signal.signal(signal.SIGINT, before)
    assert len(callers.joint._waiting) == 1
    assert callers.finish() == {first: [float(first), first + 1.0] for first in (0, 100)}
    assert all(900 not in group for group in held.groups)


class Interrupts:
    """A profile function that interrupts at one of the points at which Python looks for signals.

    Args:
        number: At which of them in the file under test, from 0.
    """

    def __init__(self, number: int) -> None:
        self.left = number

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        if event != "c_call" and frame.f_code.co_filename == joint_blocks.__file__:
            self.left -= 1
            if self.left < 0:
                raise KeyboardInterrupt


def is_interrupted_at(number: int) -> bool:
    """Whether a call has such a point; two others wait for it, and must get what is theirs."""
    joint = JointBlocks()
    interrupts = Interrupts(number)
    others: list[threading.Thread] = []
    outcomes: dict[int, object] = {}

    def call(first: int) -> None:
        outcomes[first] = joint.outputs(compute, block_of(first, 2), MOST)[:, 0].tolist()

    def compute(pairs: PairTokens, begun: Callable[[], None]) -> NDArray[np.float32]:
        if pairs.ids[0] == 0:
            sys.setprofile(None)
            others.extend(start(call, first) for first in (100, 200))
            until(lambda: len(joint._waiting) == 2)
            sys.setprofile(interrupts)
        begun()
        last: NDArray[np.float32] = pairs.ids[pairs.lengths.cumsum() - 1].astype(np.float32)
        return last[:, None]

    sys.setprofile(interrupts)
    with suppress(KeyboardInterrupt):
        joint.outputs(compute, block_of(0, 2), MOST)
    sys.setprofile(None)
    for thread in others:
        thread.join(20)
    assert outcomes == ({100: [100.0, 101.0], 200: [200.0, 201.0]} if others else {}), number
    assert (joint._beginning, len(joint._waiting)) == (None, 0), number
    return interrupts.left < 0


def test_an_interruption_at_any_point_leaves_nobody_waiting() -> None:
    n_points = 0
    while is_interrupted_at(n_points):
        n_points += 1
    assert n_points > 20


def test_many_threads_get_their_own_rows() -> None:
    joint = JointBlocks()
    wrong: list[object] = []

    def ids(pairs: PairTokens, begun: Callable[[], None]) -> NDArray[np.float32]:
        if len(pairs) % 2:
            begun()
        outputs: NDArray[np.float32] = pairs.ids[pairs.lengths.cumsum() - 1].astype(np.float32)[:, None]
        return outputs

    def call(caller: int) -> None:
        for turn in range(50):
            first, n_pairs = 10_000 * caller + 100 * turn, 1 + (caller + turn) % 4
            got = joint.outputs(ids, block_of(first, n_pairs), MOST)[:, 0].tolist()
            if got != [float(first + i) for i in range(n_pairs)]:
                wrong.append((caller, turn, got))

    threads = [start(call, caller) for caller in range(12)]
    for thread in threads:
        thread.join(60)
    assert wrong == []
    assert (joint._beginning, len(joint._waiting)) == (None, 0)
