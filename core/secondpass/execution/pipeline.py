"""Pairs stream in, the head's outputs come out: chunks, duplicates, batches, devices, and memory that runs out."""

import itertools
import queue
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from secondpass.errors import InputError, ScoringError
from secondpass.execution.batches import token_batches
from secondpass.execution.network import Network
from secondpass.execution.parallel_passes import n_parallel_passes, run_in_parallel
from secondpass.tokenization.tokens import PairTokens

ItemT = TypeVar("ItemT", bound=Hashable)
_T = TypeVar("_T")
_R = TypeVar("_R")

# Pairs that are in memory as text at a time. Large enough to find pairs of like length for every batch.
BLOCK_PAIRS = 4096


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Encoded pairs without repeats.

    Args:
        unique: Each different pair once.
        places: For every pair of the chunk, where it is in `unique`.
    """

    unique: PairTokens
    places: NDArray[np.int64]


class Pipeline(Generic[ItemT]):
    """Runs pairs (or single texts) through networks in bounded memory.

    Holds no state between runs, so any number of threads may run one.

    Args:
        encode: Pairs to tokens.
        networks: The same model on one device each; batches go to whichever is free.
        batch_tokens: Tokens of one forward pass.
    """

    def __init__(
        self, encode: Callable[[Sequence[ItemT]], PairTokens], networks: Sequence[Network], batch_tokens: int
    ) -> None:
        self._encode = encode
        self._networks = networks
        self._batch_tokens = batch_tokens

    def run(self, pairs: Iterable[ItemT]) -> Iterator[NDArray[np.float32]]:
        """The outputs of each chunk of pairs, in order. Shape of each: (n_pairs_of_chunk, n_outputs).

        While one chunk is computed the next is tokenised in the background. `pairs` is read in the caller's thread, one
        chunk ahead.

        Raises:
            InputError: A pair cannot be tokenised; the message names it.
            ScoringError: One pair alone is too much for the device's memory.
        """
        first_of_chunk = itertools.count(0, BLOCK_PAIRS)
        chunks = zip(first_of_chunk, _chunks(pairs, BLOCK_PAIRS), strict=False)
        for chunk in _one_ahead(lambda numbered: self._prepare(*numbered), chunks):
            yield self._outputs(chunk)

    def _prepare(self, first: int, pairs: Sequence[ItemT]) -> _Chunk:
        numbers = {pair: number for number, pair in enumerate(dict.fromkeys(pairs))}
        places = np.fromiter((numbers[pair] for pair in pairs), np.int64, len(pairs))
        try:
            return _Chunk(self._encode(list(numbers)), places)
        except Exception:  # whatever a tokenizer raises, the caller wants to know for which pair
            for index, pair in enumerate(pairs):
                try:
                    self._encode([pair])
                except Exception as error:
                    raise InputError(f"pair {first + index} cannot be tokenised: {error}") from error
            raise

    def _outputs(self, chunk: _Chunk) -> NDArray[np.float32]:
        lanes = n_parallel_passes() if len(self._networks) == 1 and self._networks[0].device.type == "cpu" else 1
        batches = token_batches(chunk.unique.lengths.tolist(), self._batch_tokens, lanes)
        outputs = self._forward_all(chunk.unique, batches, lanes)
        order = torch.tensor([i for batch in batches for i in batch])
        # One copy back for the whole chunk.
        computed = torch.cat(outputs).cpu()
        unique = torch.empty_like(computed)
        unique[order] = computed
        values: NDArray[np.float32] = unique.numpy()[chunk.places]
        return values

    def _forward_all(self, pairs: PairTokens, batches: Sequence[Sequence[int]], lanes: int) -> list[Tensor]:
        if len(self._networks) == 1:
            only = self._networks[0]
            return run_in_parallel(lambda batch: _forward(only, pairs.take(batch)), batches, lanes)
        free: queue.SimpleQueue[Network] = queue.SimpleQueue()
        for network in self._networks:
            free.put(network)

        def forward(batch: Sequence[int]) -> Tensor:
            network = free.get()
            try:
                return _forward(network, pairs.take(batch)).cpu()
            finally:
                free.put(network)

        with ThreadPoolExecutor(len(self._networks), thread_name_prefix="secondpass") as pool:
            futures = [pool.submit(forward, batch) for batch in batches]
            try:
                return [future.result() for future in futures]
            finally:
                pool.shutdown(wait=True, cancel_futures=True)


def _forward(network: Network, pairs: PairTokens) -> Tensor:
    """One batch's outputs; where memory runs out, of its halves one after the other."""
    try:
        return network(pairs)
    except torch.OutOfMemoryError as error:
        if len(pairs) == 1:
            raise ScoringError(
                f"a pair of {pairs.lengths[0]} tokens does not fit into the memory of {network.device}; "
                "lower max_length"
            ) from error
    # Outside of the handler, whose traceback would keep the failed pass's tensors alive.
    if network.device.type == "cuda":
        torch.cuda.empty_cache()
    middle = len(pairs) // 2
    halves = pairs.take(slice(middle)), pairs.take(slice(middle, None))
    return torch.cat([_forward(network, half) for half in halves])


def _chunks(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """Lists of `size` items, the last one shorter."""
    iterator = iter(items)
    while chunk := list(itertools.islice(iterator, size)):
        yield chunk


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
    with ThreadPoolExecutor(1, thread_name_prefix="secondpass-tokens") as worker:
        pending = worker.submit(function, current)
        while following is not None:
            result, pending = pending.result(), worker.submit(function, following)
            following = next(items, None)
            yield result
        yield pending.result()
