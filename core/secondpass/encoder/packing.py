"""Where the pairs of a batch lie in the packed matrix, and which of them attention can take together."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from secondpass.encoder.capabilities import Capabilities
from secondpass.encoder.round_up import round_up, round_up_to_few
from secondpass.encoder.transfer import to_device


@dataclass(frozen=True, slots=True)
class LengthGroup:
    """Neighbouring pairs of equal length: attention reads them as one dense block, in place.

    Args:
        first_pair: Number of the first pair.
        first_row: Row of its first token.
        n_pairs: How many there are.
        length: Tokens of each.
    """

    first_pair: int
    first_row: int
    n_pairs: int
    length: int

    @property
    def end_row(self) -> int:
        """The row after the last token."""
        return self.first_row + self.n_pairs * self.length


@dataclass(frozen=True, slots=True)
class Packing:
    """The packed matrix of a batch: pair after pair, then padding rows, which hold no token.

    Where pairs share a prefix, its rows come before them all, and a pair's own tokens are those behind it.

    Args:
        groups: The pairs in order, neighbours of equal length together.
        prefix: The rows that stand for every pair's first tokens, as if they were a pair; None where each has its own.
        n_tokens: Rows that hold a token.
        n_rows: With the padding rows, in which a rounded-up read of the last pair's keys may end.
        read_rows: The row of each pair's token that the head reads, its first or its last, and behind them some row, as
            often as it takes for there to be few numbers of such rows. Shape: (n_read_rows,), int64.
        reads_last: Whether it is the last.
        bounds: First row of each pair, and the row after the last one's tokens. Shape: (n_pairs + 1,), int32.
        positions: A token's place in its pair, prefix included, from 0; 0 in padding rows. Shape: (n_rows,), int64.
        capabilities: Of the device it is for, where the index tensors are.
    """

    groups: tuple[LengthGroup, ...]
    prefix: LengthGroup | None
    n_tokens: int
    n_rows: int
    read_rows: Tensor
    reads_last: bool
    bounds: Tensor
    positions: Tensor
    capabilities: Capabilities

    @property
    def n_pairs(self) -> int:
        """Pairs in the batch."""
        return len(self.bounds) - 1

    def n_keys_read(self, length: int) -> int:
        """The number of keys that attention reads for `length` true ones."""
        return round_up(length, self.capabilities.key_multiple)


def pack(lengths: Sequence[int], capabilities: Capabilities, *, reads_last: bool = False, n_shared: int = 0) -> Packing:
    """The packing of pairs of these lengths.

    Args:
        lengths: Tokens of each pair, at least 1, without shared ones. Sorted ones make the fewest groups.
        capabilities: Of the device that computes.
        reads_last: Whether the head reads each pair's last token, rather than its first.
        n_shared: Tokens of the prefix that all pairs share.
    """
    n_tokens = n_shared + sum(lengths)
    counts = torch.tensor(lengths, dtype=torch.int64)
    ends = counts.cumsum(0) + n_shared
    starts = ends - counts
    read_rows = ends - 1 if reads_last else starts
    n_read_rows = round_up_to_few(len(starts), capabilities.row_multiple)
    n_rows = round_up_to_few(n_tokens + capabilities.key_multiple - 1, capabilities.row_multiple)
    positions = torch.zeros(n_rows, dtype=torch.int64)
    positions[:n_tokens] = torch.arange(n_tokens)
    positions[n_shared:n_tokens] -= (starts - n_shared).repeat_interleave(counts, output_size=n_tokens - n_shared)
    return Packing(
        groups=tuple(group_by_length(lengths, first_row=n_shared)),
        prefix=LengthGroup(first_pair=0, first_row=0, n_pairs=1, length=n_shared) if n_shared else None,
        n_tokens=n_tokens,
        n_rows=n_rows,
        read_rows=to_device(F.pad(read_rows, (0, n_read_rows - len(read_rows))), capabilities),
        reads_last=reads_last,
        bounds=to_device(F.pad(ends, (1, 0), value=n_shared).int(), capabilities),
        positions=to_device(positions, capabilities),
        capabilities=capabilities,
    )


def group_by_length(lengths: Sequence[int], *, first_row: int = 0) -> list[LengthGroup]:
    """Neighbours of equal length together, in the given order, from this row on."""
    groups: list[LengthGroup] = []
    pair, row = 0, first_row
    for length, group in groupby(lengths):
        n_pairs = sum(1 for _ in group)
        groups.append(LengthGroup(first_pair=pair, first_row=row, n_pairs=n_pairs, length=length))
        pair += n_pairs
        row += n_pairs * length
    return groups
