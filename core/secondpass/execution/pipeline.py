"""Pairs stream in, the head's outputs come out: blocks, duplicates, batches, devices, and memory that runs out."""

import itertools
import queue
import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from secondpass.encoder import Capabilities
from secondpass.errors import InputError, ScoringError
from secondpass.execution.batches import token_batches
from secondpass.execution.devices import free_cached_memory
from secondpass.execution.parallel_passes import n_parallel_passes, run_in_parallel
from secondpass.execution.threads import Call, call_safely, map_in_threads
from secondpass.tokenization.tokens import PairTokens

ItemT = TypeVar("ItemT", bound=Hashable)
_T = TypeVar("_T")
_R = TypeVar("_R")

# Pairs that are in memory as text at a time: enough to find pairs of like length for every batch.
BLOCK_PAIRS = 4096


class ForwardPass(Protocol):
    """What a pipeline runs its batches through: a model on one device, or what stands in for it."""

    @property
    def capabilities(self) -> Capabilities:
        """Of the device that computes."""
        ...

    def __call__(self, pairs: PairTokens, /) -> Tensor:
        """The outputs. Shape: (n_pairs, n_outputs), float32."""
        ...


@dataclass(frozen=True, slots=True)
class _Block:
    """The tokens of a block of pairs without repeats.

    Args:
        unique: Each different pair once.
        numbers: For every pair of the block, its number in `unique`. Shape: (n_pairs,).
    """

    unique: PairTokens
    numbers: NDArray[np.int64]


class Pipeline(Generic[ItemT]):
    """Runs pairs (or single texts) through networks in bounded memory.

    Holds no state between runs, so any number of threads may run one.

    Args:
        tokenize: Pairs to tokens.
        networks: The same model, on one device each; batches go to whichever is free.
        batch_tokens: Tokens of one forward pass.
    """

    def __init__(
        self, tokenize: Callable[[Sequence[ItemT]], PairTokens], networks: Sequence[ForwardPass], batch_tokens: int
    ) -> None:
        self._tokenize = tokenize
        self._networks = networks
        self._devices = [network.capabilities for network in networks]
        self._batch_tokens = batch_tokens

    def run(self, pairs: Iterable[ItemT]) -> Iterator[NDArray[np.float32]]:
        """The outputs of each block of pairs, in order. Shape of each: (n_pairs_of_block, n_outputs).

        While one block is computed the next is tokenised in the background. `pairs` is read in the caller's thread, one
        block ahead.

        Raises:
            InputError: A pair cannot be tokenised; the message names it.
            ScoringError: One pair alone is too much for the device's memory.
        """
        for block in _one_ahead(lambda numbered: self._prepare(*numbered), enumerate(_blocks(pairs, BLOCK_PAIRS))):
            yield call_safely(partial(self._outputs, block))

    def _prepare(self, block_number: int, pairs: Sequence[ItemT]) -> _Block:
        """Tokenise a block of pairs; its number, from 0, is for messages."""
        number_of = {pair: number for number, pair in enumerate(dict.fromkeys(pairs))}
        numbers = np.fromiter((number_of[pair] for pair in pairs), np.int64, len(pairs))
        try:
            return _Block(self._tokenize(list(number_of)), numbers)
        except Exception:  # whatever a tokenizer raises, the caller wants to know for which pair
            for index, pair in enumerate(pairs):
                try:
                    self._tokenize([pair])
                except Exception as error:
                    number = block_number * BLOCK_PAIRS + index
                    raise InputError(f"pair {number} cannot be tokenised: {_reason(pair, error)}") from error
            raise

    def _outputs(self, block: _Block) -> NDArray[np.float32]:
        n_parallel = n_parallel_passes(self._devices)
        batches = token_batches(block.unique.lengths.tolist(), self._batch_tokens, n_parallel)
        outputs = self._forward_all(block.unique, batches, n_parallel)
        order = torch.tensor([i for batch in batches for i in batch], device="cpu")
        # One copy back for the whole block.
        computed = torch.cat(outputs).cpu()
        unique = torch.empty_like(computed)
        unique[order] = computed
        values: NDArray[np.float32] = unique.numpy()[block.numbers]
        return values

    def _forward_all(self, pairs: PairTokens, batches: Sequence[Sequence[int]], n_parallel: int) -> list[Tensor]:
        if len(self._networks) == 1:
            (network,) = self._networks
            return run_in_parallel(lambda batch: _forward(network, pairs.take(batch)), batches, n_parallel)
        free: queue.SimpleQueue[ForwardPass] = queue.SimpleQueue()
        for network in self._networks:
            free.put(network)

        def forward(batch: Sequence[int]) -> Tensor:
            network = free.get()
            try:
                return _forward(network, pairs.take(batch)).cpu()
            finally:
                free.put(network)

        return map_in_threads(forward, batches, len(self._networks))


def _reason(pair: object, error: Exception) -> str:
    """Why a pair (or a single text) cannot be tokenised."""
    texts = (pair,) if isinstance(pair, str) else pair if isinstance(pair, tuple) else ()
    for text, name in zip(texts, ("text",) if isinstance(pair, str) else ("query", "document"), strict=False):
        surrogate = re.search("[\ud800-\udfff]", text)
        if surrogate is not None:
            which = f"{surrogate.group()!r}, at character {surrogate.start()}"
            return f"its {name} must be text, got a lone surrogate, {which}"
    return str(error)


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


def _blocks(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """Lists of `size` items, the last one shorter."""
    iterator = iter(items)
    while block := list(itertools.islice(iterator, size)):
        yield block


def _one_ahead(function: Callable[[_T], _R], items: Iterator[_T]) -> Iterator[_R]:
    """`function` of each item in order; while the caller works on one result, a thread computes the next.

    A single item is computed in the caller's own thread, which costs it no hand-over.
    """
    current = next(items, None)
    if current is None:
        return
    following = next(items, None)
    if following is None:
        yield function(current)
        return
    pending = Call(partial(function, current))
    try:
        while following is not None:
            result, pending = pending.result(), Call(partial(function, following))
            following = next(items, None)
            yield result
        yield pending.result()
    finally:
        pending.wait()
