"""Pairs stream in, the head's outputs come out: blocks, duplicates, windows, batches, devices, memory that runs out."""

import queue
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Generic, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from secondpass.arguments import check_unicode
from secondpass.concurrency.forked import call_safely
from secondpass.concurrency.per_process import PerProcess
from secondpass.concurrency.read_ahead import map_ahead
from secondpass.concurrency.threads import map_in_threads
from secondpass.encoder import Capabilities
from secondpass.encoder.round_up import ceil_div
from secondpass.errors import InputError, ScoringError
from secondpass.execution.batches import token_batches
from secondpass.execution.devices import free_cached_memory
from secondpass.execution.joint_blocks import JointBlocks
from secondpass.execution.parallel_passes import n_parallel_passes, run_in_parallel
from secondpass.execution.turns import turns
from secondpass.ranking.blocks import numbered
from secondpass.tokenization.long_documents import WindowedTokens, Windows
from secondpass.tokenization.tokens import PairTokens

ItemT = TypeVar("ItemT", bound=Hashable)

# Batches for each pass that runs at a time, of small blocks that are computed together: enough for the pairs of a batch
# to have nearly one length, and few enough for a caller not to wait long for those beside it.
_GROUP_BATCHES = 4


class ForwardPass(Protocol):
    """What a pipeline runs its batches through: a model on one device, or what stands in for it."""

    @property
    def capabilities(self) -> Capabilities:
        """Of the device that computes."""
        ...

    @property
    def pads(self) -> bool:
        """Whether every pair of a batch costs as much as its longest one."""
        ...

    def __call__(self, pairs: PairTokens, /) -> Tensor:
        """The outputs. Shape: (n_pairs, n_outputs), float32."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Outputs:
    """What came out for a block of pairs.

    Args:
        values: The head's outputs for each window. Shape: (n_windows, n_outputs), float32.
        lengths: Tokens of each window, specials included. Shape: (n_windows,), int64.
        windows: Which of them are whose.
    """

    values: NDArray[np.float32]
    lengths: NDArray[np.int64]
    windows: Windows

    def __len__(self) -> int:
        """Pairs."""
        return len(self.windows.counts)

    @property
    def n_tokens(self) -> NDArray[np.int64]:
        """Tokens of each pair's windows together. Shape: (n_pairs,)."""
        counts = self.windows.counts
        n_tokens: NDArray[np.int64] = np.add.reduceat(self.lengths, counts.cumsum() - counts)
        return n_tokens


class Pipeline(Generic[ItemT]):
    """Runs pairs (or single texts) through networks in bounded memory.

    Any number of threads may run one. On a CPU those that do at the same time share its passes.

    Args:
        read: Pairs to tokens, of each in one window or more.
        networks: The same model, on one device each; batches go to whichever is free.
        batch_tokens: Tokens of one forward pass.
    """

    def __init__(
        self, read: Callable[[Sequence[ItemT]], WindowedTokens], networks: Sequence[ForwardPass], batch_tokens: int
    ) -> None:
        self._read = read
        self._networks = networks
        self._devices = [network.capabilities for network in networks]
        self._batch_tokens = batch_tokens
        self._shares_cores = len(networks) == 1 and self._devices[0].splits_cores
        self._joint = PerProcess(JointBlocks)

    def run(self, blocks: Iterable[Sequence[ItemT]]) -> Iterator[Outputs]:
        """The outputs of each block of pairs, in order.

        While one block is computed the next is tokenised in the background. `blocks` is read in the caller's thread,
        one block ahead.

        Args:
            blocks: As `ranking.blocks.blocks_of` makes them, or smaller.

        Raises:
            InputError: A pair cannot be tokenised; the message names it.
            ScoringError: One pair alone is too much for the device's memory.
        """
        for block in map_ahead(lambda block: self._prepare(*block), numbered(blocks)):
            yield call_safely(partial(self._outputs, block))

    def _prepare(self, first: int, pairs: Sequence[ItemT]) -> WindowedTokens:
        """Tokenise a block of pairs; the number of its first one is for messages."""
        number_of = {pair: number for number, pair in enumerate(dict.fromkeys(pairs))}
        numbers = np.fromiter((number_of[pair] for pair in pairs), np.int64, len(pairs))
        try:
            reading = self._read(list(number_of))
        except Exception:  # whatever a tokenizer raises, the caller wants to know for which pair
            for number, pair in enumerate(pairs, first):
                try:
                    self._read([pair])
                except Exception as error:
                    _check_texts(pair, number)
                    raise InputError("pair ", number, f" cannot be tokenised: {error}") from error
            raise
        return WindowedTokens(reading.tokens, reading.windows.take(numbers))

    def _outputs(self, block: WindowedTokens) -> Outputs:
        if self._shares_cores:
            most_tokens = _GROUP_BATCHES * n_parallel_passes(self._devices) * self._batch_tokens
            unique = self._joint.get().outputs(self._compute, block.tokens, most_tokens)
        else:
            unique = self._compute(block.tokens, lambda: None)
        rows = block.windows.rows
        return Outputs(unique[rows], block.tokens.lengths[rows], block.windows)

    def _compute(self, pairs: PairTokens, begun: Callable[[], None]) -> NDArray[np.float32]:
        """The outputs of each pair, in order; calls `begun` when the last pass begins."""
        # Others' passes wait for those on the same cores alone.
        with turns().caller() if self._shares_cores else nullcontext(1) as n_callers:
            n_parallel = n_parallel_passes(self._devices) * len(self._devices)
            # Beside others' batches, more of them than this one's share of the cores would only be smaller.
            n_even = ceil_div(n_parallel, n_callers)
            lengths = pairs.lengths.tolist()
            batches = token_batches(lengths, self._batch_tokens, n_even, padded=self._networks[0].pads)

            def forward(network: ForwardPass, batch: Sequence[int]) -> Tensor:
                if batch is batches[-1]:
                    begun()
                return _forward(network, pairs.take(batch))

            forward_all = partial(self._forward_all, forward, n_parallel=n_parallel, alone=n_callers == 1)
            outputs = forward_all(batches)
            order = torch.tensor([i for batch in batches for i in batch], device="cpu")
            # One copy back for the whole block.
            computed = torch.cat(outputs).cpu()
            ordered = torch.empty_like(computed)
            ordered[order] = computed
            values: NDArray[np.float32] = ordered.numpy()
            # Attention gives no weight to what it reads beside a pair, but NaN spoils the pair all the same: whose it
            # is shows where each is computed alone. The first one of its own is an error that names its pair, and those
            # behind it need no outputs.
            for i in np.flatnonzero(np.isnan(values).all(axis=1)).tolist():
                values[i] = forward_all([[i]])[0].cpu().numpy()
                if np.isnan(values[i]).all():
                    break
        return values

    def _forward_all(
        self,
        forward: Callable[[ForwardPass, Sequence[int]], Tensor],
        batches: Sequence[Sequence[int]],
        n_parallel: int,
        *,
        alone: bool,
    ) -> list[Tensor]:
        if len(self._networks) == 1:
            (network,) = self._networks
            if self._shares_cores:
                return run_in_parallel(partial(forward, network), batches, n_parallel, alone=alone)
            return [forward(network, batch) for batch in batches]
        free: queue.SimpleQueue[ForwardPass] = queue.SimpleQueue()
        for network in self._networks:
            free.put(network)

        def forward_on_free(batch: Sequence[int]) -> Tensor:
            network = free.get()
            try:
                return forward(network, batch).cpu()
            finally:
                free.put(network)

        return map_in_threads(forward_on_free, batches, len(self._networks))


def _check_texts(item: object, number: int) -> None:
    """Raise InputError where a text of a pair (or a single text) is no Unicode, which tokenizers say in many ways."""
    texts = (item,) if isinstance(item, str) else item if isinstance(item, tuple) else ()
    names = ("text",) if isinstance(item, str) else ("query", "document")
    for name, text in zip(names, texts, strict=False):
        check_unicode(text, f"the {name} of pair ", number)


def _forward(network: ForwardPass, pairs: PairTokens) -> Tensor:
    """One batch's outputs; where memory runs out, of its halves one after the other."""
    try:
        return network(pairs)
    except torch.OutOfMemoryError as error:
        if len(pairs) == 1:
            raise ScoringError(
                f"a pair of {pairs.lengths[0]} tokens does not fit into the memory of {network.capabilities.device}; "
                "lower max_length"
            ) from error
    # Outside of the handler, whose traceback would keep the failed pass's tensors alive.
    free_cached_memory()
    middle = len(pairs) // 2
    halves = pairs.take(slice(middle)), pairs.take(slice(middle, None))
    return torch.cat([_forward(network, half) for half in halves])
