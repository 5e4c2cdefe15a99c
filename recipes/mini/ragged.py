"""Lists of numbers of different lengths, one after the other, such as texts as the numbers of their tokens."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Self

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

# Texts tokenised at a time.
_AT_A_TIME = 20_000


@dataclass(frozen=True, slots=True)
class Ragged:
    """Lists of numbers, one after the other.

    Args:
        values: Of all lists.
        bounds: Where each begins, and where the last ends. Shape: (n_lists + 1,).
    """

    values: NDArray[np.int64]
    bounds: NDArray[np.int64]

    @classmethod
    def of(cls, lists: Iterable[Sequence[int]]) -> Self:
        """The lists."""
        lists = list(lists)
        values = np.fromiter(chain.from_iterable(lists), np.int64)
        return cls(values, np.cumsum([0, *map(len, lists)]))

    def __len__(self) -> int:
        """Lists."""
        return len(self.bounds) - 1

    def __getitem__(self, number: int) -> NDArray[np.int64]:
        """One list."""
        return self.values[self.bounds[number] : self.bounds[number + 1]]

    def take(self, rows: range) -> Self:
        """Neighbouring lists."""
        bounds = self.bounds[rows.start : rows.stop + 1]
        return type(self)(self.values[bounds[0] : bounds[-1]], bounds - bounds[0])


def tokenised(texts: Sequence[str], tokenizer: Tokenizer) -> Ragged:
    """The tokens of texts, without special ones; the tokenizer neither pads nor truncates."""
    parts = (texts[first : first + _AT_A_TIME] for first in range(0, len(texts), _AT_A_TIME))
    encoded = (tokenizer.encode_batch(list(part), add_special_tokens=False) for part in parts)
    return Ragged.of(each.ids for part in encoded for each in part)
