"""Streams of pairs in blocks: as much text as may be in memory at a time."""

from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

from secondpass.ranking.scorers import Pair

BlockT = TypeVar("BlockT", bound=Sized)

# Pairs for each device that are in memory as text at a time: enough to find pairs of like length for every batch.
BLOCK_PAIRS = 4096
# And their characters, but for those of the last pair: a block of long documents is no larger. Pairs that fit into a
# model have fewer.
BLOCK_CHARACTERS = 2**24


def blocks_of(pairs: Iterable[Pair], n_devices: int = 1) -> Iterator[list[Pair]]:
    """The pairs in lists of as many as may be in memory at a time, at least one; more of them for several devices."""
    block: list[Pair] = []
    n_characters = 0
    for pair in pairs:
        block.append(pair)
        n_characters += len(pair[0]) + len(pair[1])
        if len(block) == n_devices * BLOCK_PAIRS or n_characters >= n_devices * BLOCK_CHARACTERS:
            yield block
            block, n_characters = [], 0
    if block:
        yield block


def numbered(blocks: Iterable[BlockT]) -> Iterator[tuple[int, BlockT]]:
    """The blocks, each with the number of its first item."""
    first = 0
    for block in blocks:
        yield first, block
        first += len(block)
