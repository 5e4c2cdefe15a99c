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

    Args:
        groups: The pairs in order, neighbours of equal length together.
        n_tokens: Rows that hold a token.
        n_rows: With the padding rows, in which a rounded-up read of the last pair's keys may end.
        read_rows: The row of each pair's token that the head reads, its first or its last, and behind them some row, as
            often as it takes for there to be few numbers of such rows. Shape: (n_read_rows,), int64.
        reads_last: Whether it is the last.
        bounds: First row of each pair, and the row after the last one's tokens. Shape: (n_pairs + 1,), int32.
        positions: A token's place in its pair, from 0; 0 in padding rows. Shape: (n_rows,), int64.
        capabilities: Of the device it is for, where the index tensors are.
    """

    groups: tuple[LengthGroup, ...]
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


def pack(lengths: Sequence[int], capabilities: Capabilities, *, reads_last: bool = False) -> Packing:
    """The packing of pairs of these lengths.

    Args:
        lengths: Tokens of each pair, at least 1. Sorted ones make the fewest groups.
        capabilities: Of the device that computes.
        reads_last: Whether the head reads each pair's last token, rather than its first.
    """
    groups = tuple(group_by_length(lengths))
    n_tokens = sum(lengths)
    counts = torch.tensor(lengths, dtype=torch.int64)
    ends = counts.cumsum(0)
    starts = ends - counts
    read_rows = ends - 1 if reads_last else starts
    n_read_rows = round_up_to_few(len(starts), capabilities.row_multiple)
    n_rows = round_up_to_few(n_tokens + capabilities.key_multiple - 1, capabilities.row_multiple)
    positions = torch.zeros(n_rows, dtype=torch.int64)
    positions[:n_tokens] = torch.arange(n_tokens) - starts.repeat_interleave(counts, output_size=n_tokens)
    return Packing(
        groups=groups,
        n_tokens=n_tokens,
        n_rows=n_rows,
        read_rows=to_device(F.pad(read_rows, (0, n_read_rows - len(read_rows))), capabilities),
        reads_last=reads_last,
        bounds=to_device(F.pad(ends, (1, 0)).int(), capabilities),
        positions=to_device(positions, capabilities),
        capabilities=capabilities,
    )


def group_by_length(lengths: Sequence[int]) -> list[LengthGroup]:
    """Neighbours of equal length together, in the given order."""
    groups: list[LengthGroup] = []
    pair = row = 0
    for length, group in groupby(lengths):
        n_pairs = sum(1 for _ in group)
        groups.append(LengthGroup(first_pair=pair, first_row=row, n_pairs=n_pairs, length=length))
        pair += n_pairs
        row += n_pairs * length
    return groups
