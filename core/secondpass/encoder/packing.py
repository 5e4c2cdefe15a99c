"""Where the pairs of a batch lie in the packed matrix, and which of them attention can take together."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from secondpass.encoder.transfer import moved

# oneDNN prepares a product anew, for half a millisecond, whenever a number of rows is new to it: so let there be few.
_CPU_ROW_MULTIPLE = 32


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
        """The row behind the last token."""
        return self.first_row + self.n_pairs * self.length


@dataclass(frozen=True, slots=True)
class Packing:
    """The packed matrix of a batch: pair after pair, then a margin of rows that belong to nobody.

    Args:
        groups: The pairs in order, neighbours of equal length together.
        n_tokens: Rows that hold a token.
        n_rows: With the margin, in which a rounded-up read of the last pair's keys may end; on a CPU a multiple of 32.
        first_rows: The row of each pair's first token (CLS). Shape: (n_pairs,), int64.
        bounds: First row of each pair, and the row behind the last one's tokens. Shape: (n_pairs + 1,), int32.
        positions: A token's place in its pair, from 0. Shape: (n_rows,), int64.
        multiple: Attention reads keys up to a multiple of this; see `attention`.
    """

    groups: tuple[LengthGroup, ...]
    n_tokens: int
    n_rows: int
    first_rows: Tensor
    bounds: Tensor
    positions: Tensor
    multiple: int

    @property
    def n_pairs(self) -> int:
        """Pairs in the batch."""
        return len(self.first_rows)

    def rounded(self, length: int) -> int:
        """The number of keys that attention reads for `length` true ones."""
        return -(-length // self.multiple) * self.multiple


def pack(lengths: Sequence[int], *, multiple: int, device: torch.device) -> Packing:
    """The packing of pairs of these lengths.

    Args:
        lengths: Tokens of each pair, at least 1. Sorted ones make the fewest groups.
        multiple: Keys are read up to a multiple of this; 1 for no rounding.
        device: Where the index tensors shall be.
    """
    groups = tuple(_runs(lengths))
    n_tokens = sum(lengths)
    counts = torch.tensor(lengths, dtype=torch.int64)
    first_rows = counts.cumsum(0) - counts
    n_rows = n_tokens + multiple - 1
    if device.type == "cpu":
        n_rows = -(-n_rows // _CPU_ROW_MULTIPLE) * _CPU_ROW_MULTIPLE
    positions = torch.zeros(n_rows, dtype=torch.int64)
    positions[:n_tokens] = torch.arange(n_tokens) - first_rows.repeat_interleave(counts, output_size=n_tokens)
    return Packing(
        groups=groups,
        n_tokens=n_tokens,
        n_rows=n_rows,
        first_rows=moved(first_rows, device),
        bounds=moved(F.pad(counts.cumsum(0), (1, 0)).int(), device),
        positions=moved(positions, device),
        multiple=multiple,
    )


def _runs(lengths: Sequence[int]) -> list[LengthGroup]:
    groups: list[LengthGroup] = []
    pair = row = 0
    for length, group in groupby(lengths):
        n_pairs = sum(1 for _ in group)
        groups.append(LengthGroup(first_pair=pair, first_row=row, n_pairs=n_pairs, length=length))
        pair += n_pairs
        row += n_pairs * length
    return groups
