"""Small blocks of callers in several threads are computed together: all their pairs of like length make better batches.

One caller's twenty candidates have nearly as many lengths, and attention over texts of one length is fast where they
are many.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from secondpass.tokenization.tokens import PairTokens

# Gives the outputs of pairs, one row each, and calls the function as soon as all of its passes have begun.
Compute: TypeAlias = Callable[[PairTokens, Callable[[], None]], NDArray[np.float32]]

# Of a group's tokens: a block that has a larger share is computed by itself, for the others would wait for it.
_MOST_OF_A_GROUP = 1 / 4


class JointBlocks:
    """Computes a block alone if none is under way, and what comes meanwhile in groups, oldest first.

    A group begins when all passes of the one before it have begun, so that no core waits for it to end, and is computed
    in the thread of its first caller. An error in it is nobody's: each of its callers then computes its own block, and
    has the error of that alone.
    """

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._waiting: deque[_Block] = deque()
        self._is_beginning = False

    def outputs(self, compute: Compute, pairs: PairTokens, most_tokens: int) -> NDArray[np.float32]:
        """The outputs of a block.

        Args:
            compute: The same for all callers; called from any thread.
            pairs: The block.
            most_tokens: Of a group.

        Returns:
            Shape: (n_pairs, n_outputs).
        """
        if len(pairs.ids) > _MOST_OF_A_GROUP * most_tokens:
            return compute(pairs, _nothing)
        own = _Block(pairs, most_tokens)
        try:
            self._join(own)
            own.ready.wait()
            if own.group:
                _compute_together(compute, own.group, lambda: self._has_begun(own))
        finally:
            self._leave(own)
        return compute(pairs, _nothing) if own.outputs is None else own.outputs

    def _join(self, own: "_Block") -> None:
        with self._changing:
            self._waiting.append(own)
            if not self._is_beginning:
                self._begin_group()

    def _has_begun(self, first: "_Block") -> None:
        with self._changing:
            if first.is_beginning:
                first.is_beginning = False
                self._begin_group()

    def _leave(self, own: "_Block") -> None:
        """Tell those that were computed along, and let the next group begin; also after an interruption."""
        with self._changing:
            if own in self._waiting:
                self._waiting.remove(own)
        for block in own.group[1:]:
            block.ready.set()
        self._has_begun(own)

    def _begin_group(self) -> None:
        """Have the oldest block's caller compute it, with those behind it; called with the lock held."""
        self._is_beginning = bool(self._waiting)
        if not self._waiting:
            return
        first = self._waiting.popleft()
        group, n_tokens = [first], first.n_tokens
        while self._waiting and n_tokens + self._waiting[0].n_tokens <= first.most_tokens:
            group.append(self._waiting.popleft())
            n_tokens += group[-1].n_tokens
        first.group, first.is_beginning = group, True
        first.ready.set()


class _Block:
    """One caller's pairs on their way.

    Attributes:
        ready: Set when its caller has to go on: its outputs are there, or it has a group to compute.
        group: What its caller computes, itself first; empty where another one does.
        is_beginning: Whether not all passes of that have begun.
        outputs: None until they are computed, and where they could not be.
    """

    __slots__ = ("group", "is_beginning", "most_tokens", "n_tokens", "outputs", "pairs", "ready")

    def __init__(self, pairs: PairTokens, most_tokens: int) -> None:
        self.pairs = pairs
        self.n_tokens = len(pairs.ids)
        self.most_tokens = most_tokens
        self.ready = threading.Event()
        self.group: list[_Block] = []
        self.is_beginning = False
        self.outputs: NDArray[np.float32] | None = None


def _compute_together(compute: Compute, group: list[_Block], begun: Callable[[], None]) -> None:
    if len(group) == 1:
        group[0].outputs = compute(group[0].pairs, begun)
        return
    try:
        outputs = compute(PairTokens.concatenate([block.pairs for block in group]), begun)
    except Exception:  # noqa: BLE001 - whatever it is, each caller's own block tells whose it is
        return
    ends = np.cumsum([len(block.pairs) for block in group])
    for block, own_outputs in zip(group, np.split(outputs, ends[:-1]), strict=True):
        block.outputs = own_outputs


def _nothing() -> None:
    """Nobody waits for passes to begin."""
