"""Small blocks of callers in several threads are computed together: all their pairs of like length make better batches.

One caller's twenty candidates have nearly as many lengths, and attention over texts of one length is fast where they
are many.
"""

import threading
from collections import deque
from collections.abc import Callable
from itertools import islice
from queue import SimpleQueue
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
    in the thread of its first caller. An error or NaN in it is nobody's: each of its callers then computes its own
    block, and has what comes of that alone.
    """

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._waiting: deque[_Block] = deque()
        # Whose group has not begun all of its passes; None where a block need not wait.
        self._beginning: _Block | None = None

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
            own.ready.get()
            if own.group:
                _compute_together(compute, own.group, lambda: self._has_begun(own))
        finally:
            try:
                self._leave(own)
            except BaseException:  # an interruption on the way: without the rest of it others would wait for ever
                self._leave(own)
                raise
        return compute(pairs, _nothing) if own.outputs is None else own.outputs

    def _join(self, own: "_Block") -> None:
        with self._changing:
            self._waiting.append(own)
            if self._beginning is None:
                self._begin_group()

    def _has_begun(self, first: "_Block") -> None:
        with self._changing:
            if first is self._beginning:
                self._begin_group()

    def _leave(self, own: "_Block") -> None:
        """Tell those that were computed along, and let the next group begin; done twice it does no more than once."""
        with self._changing:
            if own in self._waiting:
                self._waiting.remove(own)
        for block in own.group[1:]:
            block.ready.put(None)
        self._has_begun(own)

    def _begin_group(self) -> None:
        """Have the oldest block's caller compute it, with those behind it; called with the lock held.

        What waits changes last, so that it can be done again after an interruption.
        """
        group: list[_Block] = []
        n_tokens = 0
        for block in self._waiting:
            n_tokens += block.n_tokens
            if group and n_tokens > group[0].most_tokens:
                break
            group.append(block)
        rest = deque(islice(self._waiting, len(group), None))
        if group:
            group[0].group = group
            group[0].ready.put(None)
        # No call lies between these two: Python interrupts nowhere else.
        self._waiting = rest
        self._beginning = group[0] if group else None


class _Block:
    """One caller's pairs on their way.

    Its caller waits at a queue: an interruption within an event's methods can leave that locked.

    Attributes:
        ready: Has something when its caller has to go on: its outputs are there, or it has a group to compute.
        group: What its caller computes, itself first; empty where another one does.
        outputs: None until they are computed, and where they could not be.
    """

    __slots__ = ("group", "most_tokens", "n_tokens", "outputs", "pairs", "ready")

    def __init__(self, pairs: PairTokens, most_tokens: int) -> None:
        self.pairs = pairs
        self.n_tokens = len(pairs.ids)
        self.most_tokens = most_tokens
        self.ready: SimpleQueue[None] = SimpleQueue()
        self.group: list[_Block] = []
        self.outputs: NDArray[np.float32] | None = None


def _compute_together(compute: Compute, group: list[_Block], begun: Callable[[], None]) -> None:
    if len(group) == 1:
        group[0].outputs = compute(group[0].pairs, begun)
        return
    try:
        outputs = compute(PairTokens.concatenate([block.pairs for block in group]), begun)
    except Exception:  # noqa: BLE001 - whatever it is, each caller's own block tells whose it is
        return
    if np.isnan(outputs).any():  # attention multiplies what pads a pair by zero, and only what is finite vanishes so
        return
    ends = np.cumsum([len(block.pairs) for block in group])
    for block, own_outputs in zip(group, np.split(outputs, ends[:-1]), strict=True):
        block.outputs = own_outputs


def _nothing() -> None:
    """Nobody waits for passes to begin."""
