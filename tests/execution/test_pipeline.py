"""Streams, faults and several devices: no score lost, none swapped, no hang."""

import math
import threading
import tracemalloc
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from folders import FolderOf
from hypothesis import given
from hypothesis import strategies as st

from secondpass import CrossEncoder
from secondpass.encoder import Capabilities
from secondpass.encoder.round_up import round_up_to_few
from secondpass.errors import InputError, ScoringError
from secondpass.execution.batches import token_batches
from secondpass.execution.pipeline import Pipeline
from secondpass.ranking import Pair
from secondpass.ranking.blocks import BLOCK_PAIRS, blocks_of
from secondpass.tokenization.long_documents import WindowedTokens, Windows
from secondpass.tokenization.tokens import PairTokens


def takes(batch: Sequence[int], *, padded: bool) -> int:
    """Tokens that an encoder computes for pairs of these lengths."""
    return max(batch) * len(batch) if padded else sum(batch)


@given(
    lengths=st.lists(st.integers(min_value=0, max_value=500), max_size=60),
    budget=st.integers(min_value=1, max_value=2000),
    n_parallel=st.sampled_from([1, 3]),
    padded=st.booleans(),
)
def test_batches_hold_every_pair_once_and_keep_the_budget(
    lengths: list[int], budget: int, n_parallel: int, *, padded: bool
) -> None:
    batches = token_batches(lengths, budget, n_parallel, padded=padded)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or takes([lengths[i] for i in batch], padded=padded) <= budget
    longest = [max(lengths[i] for i in batch) for batch in batches]
    assert longest == sorted(longest, reverse=True)


def greedy(lengths: list[int], budget: int, *, padded: bool) -> list[list[int]]:
    """Each batch has as many of the longest that are left as the budget allows."""
    batches: list[list[int]] = []
    for length in sorted(lengths, reverse=True):
        if batches and takes([*batches[-1], length], padded=padded) <= budget:
            batches[-1].append(length)
        else:
            batches.append([length])
    return batches


@given(
    lengths=st.lists(st.integers(min_value=1, max_value=50), min_size=1, max_size=40),
    budget=st.integers(min_value=1, max_value=200),
    padded=st.booleans(),
)
def test_no_smaller_budget_makes_as_few_batches(lengths: list[int], budget: int, *, padded: bool) -> None:
    def expected(budget: int) -> list[list[int]]:
        return greedy(lengths, budget, padded=padded)

    n_batches = len(expected(budget))
    smallest = next(least for least in range(1, budget + 1) if len(expected(least)) == n_batches)
    found = [[lengths[i] for i in batch] for batch in token_batches(lengths, budget, padded=padded)]
    assert found == expected(budget if n_batches == 1 else smallest)


@pytest.mark.parametrize(("padded", "most"), [(True, 20), (False, 10)])
@pytest.mark.parametrize("n_parallel", [1, 2])
def test_batches_of_a_long_stream_have_few_sizes(n_parallel: int, *, padded: bool, most: int) -> None:
    """A hundred blocks, each with a rest that fills no batch: alone it would have nearly every size."""
    generator = np.random.default_rng(0)
    sizes, fewest = set(), []
    for _ in range(100):
        lengths = [int(length) for length in generator.normal(22, 4, 4096).clip(5, 60)]
        batches = token_batches(lengths, 4096 // n_parallel, n_parallel, padded=padded)
        sizes |= {round_up_to_few(sum(lengths[i] for i in batch), 32) for batch in batches}
        fewest.append(len(batches) - len(greedy(lengths, 4096 // n_parallel, padded=padded)))
    assert len(sizes) <= most
    assert set(fewest) <= set(range(n_parallel))


@pytest.mark.parametrize("n_pairs", [20, 100, 130])
def test_parallel_passes_share_the_work(n_pairs: int) -> None:
    lengths = [40 + 3 * (i % 40) for i in range(n_pairs)]
    batches = token_batches(lengths, 4096, n_parallel=2, padded=False)
    sizes = sorted(sum(lengths[i] for i in batch) for batch in batches)
    assert len(batches) >= 2
    assert sizes[-1] <= sum(lengths) / 2 * 1.15


@pytest.mark.parametrize(("n_pairs", "most"), [(20, 1.11), (100, 1.09), (150, 1.06)])
def test_parallel_passes_end_at_about_the_same_time(n_pairs: int, most: float) -> None:
    """By a count of tokens, over many lists of passages: each pass takes the next batch as it comes free."""
    generator = np.random.default_rng(0)
    late = []
    for _ in range(40):
        lengths = [int(length) for length in generator.lognormal(4.13, 0.42, n_pairs).clip(12, 512)]
        ends = [0, 0]
        for batch in token_batches(lengths, 2048, n_parallel=2, padded=False):
            ends[ends.index(min(ends))] += sum(lengths[i] for i in batch)
        late.append(max(ends) / (sum(lengths) / 2))
    assert np.mean(late) < most


class SumNetwork:
    """Stands in for a model: the output of a pair is the sum of its ids, in one column."""

    capabilities = Capabilities(torch.device("cpu"), splits_cores=True)
    pads = False

    def __init__(self, max_tokens: int = 10**9) -> None:
        self.max_tokens = max_tokens
        self.calls: list[int] = []
        self.lock = threading.Lock()

    def __call__(self, batch: PairTokens) -> torch.Tensor:
        with self.lock:
            self.calls.append(len(batch.ids))
        if len(batch.ids) > self.max_tokens:
            raise torch.OutOfMemoryError("injected")
        of_each = torch.from_numpy(batch.ids).split(batch.lengths.tolist())
        return torch.tensor([[float(ids.sum())] for ids in of_each])


def read(pairs: Sequence[Pair]) -> WindowedTokens:
    """Each character is a token."""
    if any(query == "poison" for query, _ in pairs):
        raise ValueError("poisoned")
    return read_at_once([[ord(c) for c in query + document] for query, document in pairs])


def read_at_once(ids: Sequence[Sequence[int]]) -> WindowedTokens:
    """Every pair as one window of these ids."""
    flat, n = np.array([token for pair in ids for token in pair], np.int32), len(ids)
    tokens = PairTokens(flat, np.zeros(len(flat), np.uint8), np.array([len(pair) for pair in ids], np.int64))
    ones, zeros, no = np.ones(n, np.int64), np.zeros(n, np.int64), np.zeros(n, np.bool_)
    return WindowedTokens(tokens, Windows(ones, np.arange(n), zeros, zeros, no, no))


def expected_of(pairs: Sequence[Pair]) -> list[float]:
    return [float(sum(map(ord, query + document))) for query, document in pairs]


def pipeline(*networks: SumNetwork, budget: int = 64) -> Pipeline[Pair]:
    return Pipeline(read, networks, budget)


def run(pipeline: Pipeline[Pair], pairs: Iterator[Pair] | Sequence[Pair]) -> list[float]:
    blocks = list(pipeline.run(blocks_of(pairs)))
    return [float(x) for block in blocks for x in block.values[:, 0]]


PAIRS = [(f"query {i % 7}", "word " * (i % 23) + str(i)) for i in range(2 * BLOCK_PAIRS + 17)]


def test_order_survives_blocks_and_batches() -> None:
    assert run(pipeline(SumNetwork()), iter(PAIRS)) == expected_of(PAIRS)


def test_order_survives_several_devices() -> None:
    networks = [SumNetwork() for _ in range(3)]
    assert run(pipeline(*networks), PAIRS) == expected_of(PAIRS)
    assert all(network.calls for network in networks)


def test_a_block_of_one_batch_keeps_every_device_busy() -> None:
    """No device ends its batch before all others have one."""
    n_devices = 8
    all_at_work = threading.Barrier(n_devices)

    class Waiting(SumNetwork):
        def __call__(self, batch: PairTokens) -> torch.Tensor:
            all_at_work.wait(timeout=10)
            return super().__call__(batch)

    pairs = [("q", f"{i:047}") for i in range(100)]
    networks = [Waiting() for _ in range(n_devices)]
    assert run(pipeline(*networks, budget=100 * 48), pairs) == expected_of(pairs)
    assert sum(sum(network.calls) for network in networks) == 100 * 48


@pytest.mark.parametrize(("n_pairs", "n_tokens", "n_devices"), [(4096, 32, 8), (4096, 98, 2), (100, 98, 8)])
def test_pairs_of_one_length_are_divided_among_all_devices(n_pairs: int, n_tokens: int, n_devices: int) -> None:
    """With a GPU's budget."""
    batches = token_batches([n_tokens] * n_pairs, 65536, n_devices, padded=False)
    assert len(batches) % n_devices == 0
    assert max(map(len, batches)) - n_pairs / len(batches) < 1
    assert sorted(i for batch in batches for i in batch) == list(range(n_pairs))


def test_blocks_grow_with_the_devices() -> None:
    pairs = [("q", "d")] * (5 * BLOCK_PAIRS)
    assert [len(block) for block in blocks_of(pairs, 2)] == [2 * BLOCK_PAIRS, 2 * BLOCK_PAIRS, BLOCK_PAIRS]


def test_repeated_pairs_are_computed_once() -> None:
    network = SumNetwork()
    pairs = [("a", "b"), ("a", "c")] * 500
    assert run(pipeline(network), pairs) == expected_of(pairs)
    assert sum(network.calls) == 4


def test_a_pair_that_cannot_be_tokenised_is_named() -> None:
    pairs = [*PAIRS[: BLOCK_PAIRS + 5], ("poison", "x"), *PAIRS[:3]]
    with pytest.raises(InputError, match=f"pair {BLOCK_PAIRS + 5} cannot be tokenised: poisoned"):
        run(pipeline(SumNetwork()), iter(pairs))


def test_a_generator_that_raises_is_heard() -> None:
    def failing() -> Iterator[Pair]:
        yield from PAIRS[: BLOCK_PAIRS + 1]
        raise ConnectionError("source gone")

    with pytest.raises(ConnectionError, match="source gone"):
        run(pipeline(SumNetwork()), failing())


@pytest.mark.parametrize("n_networks", [1, 2])
def test_a_network_that_dies_is_heard(n_networks: int) -> None:
    class Dying(SumNetwork):
        def __call__(self, batch: PairTokens) -> torch.Tensor:
            raise RuntimeError(f"device lost with {len(batch)} pairs")

    with pytest.raises(RuntimeError, match="device lost"):
        run(pipeline(*(Dying() for _ in range(n_networks))), PAIRS)


def test_stopping_half_way_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    stream = pipeline(SumNetwork()).run(blocks_of(iter(PAIRS)))
    next(stream)
    stream.close()  # type: ignore[attr-defined] # a generator
    assert set(threading.enumerate()) <= before, "threads of other tests may end meanwhile; none of ours stays"


def test_out_of_memory_halves_the_batch_and_goes_on() -> None:
    network = SumNetwork(max_tokens=30)
    pairs = [("q", "x" * (i % 20)) for i in range(200)]
    assert run(pipeline(network, budget=1000), pairs) == expected_of(pairs)
    assert max(network.calls) > 30


def test_one_pair_too_large_for_the_memory_is_an_error() -> None:
    with pytest.raises(ScoringError, match="a pair of 11 tokens does not fit"):
        run(pipeline(SumNetwork(max_tokens=10)), [("q", "x" * 10)])


@pytest.mark.parametrize("n_networks", [1, 2])
def test_nan_from_batch_mates_is_no_pairs_own(n_networks: int) -> None:
    class Spoiling(SumNetwork):
        def __call__(self, batch: PairTokens) -> torch.Tensor:
            return super().__call__(batch) * (1 if len(batch) == 1 else torch.nan)

    pairs = [("q", "x" * (i % 20)) for i in range(200)]
    assert run(pipeline(*(Spoiling() for _ in range(n_networks))), pairs) == expected_of(pairs)


def test_of_pairs_that_are_nan_alone_only_the_first_is_looked_for() -> None:
    class Broken(SumNetwork):
        def __call__(self, batch: PairTokens) -> torch.Tensor:
            return super().__call__(batch) * torch.nan

    network = Broken()
    assert all(map(math.isnan, run(pipeline(network, budget=10**6), PAIRS[:BLOCK_PAIRS])))
    assert network.calls[1:] == [sum(map(len, PAIRS[0]))]


def test_a_long_generator_is_not_held() -> None:
    """The texts of all pairs would take 90 MB; the few blocks that are in memory at a time take a quarter."""
    n_pairs = 20 * BLOCK_PAIRS

    def stream() -> Iterator[Pair]:
        for i in range(n_pairs):
            yield "q", f"{i:01000d}"

    network = SumNetwork()
    tracemalloc.start()
    numbers: Pipeline[Pair] = Pipeline(read_number, [network], 10**6)
    n_scored = sum(len(block) for block in numbers.run(blocks_of(stream())))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert n_scored == n_pairs
    assert peak < 25e6


def read_number(pairs: Sequence[Pair]) -> WindowedTokens:
    return read_at_once([[int(document)] for _, document in pairs])


def test_two_devices_of_a_real_model_score_alike(folder_of: FolderOf) -> None:
    folder: Path = folder_of("bert")
    pairs = [(f"query {i % 5}", "the wall " * (i % 11)) for i in range(200)]
    single = CrossEncoder(folder, activation="identity")
    double = CrossEncoder(folder, activation="identity", device=["cpu", "cpu"], batch_tokens=128)
    np.testing.assert_allclose(double.predict(pairs), single.predict(pairs), atol=1e-5)


def test_lone_surrogates_are_an_error_that_names_the_pair(folder_of: FolderOf) -> None:
    with pytest.raises(InputError, match="the document of pair 1 must be Unicode text"):
        CrossEncoder(folder_of("bert")).score("berlin", ["fine", "broken \ud800"])
