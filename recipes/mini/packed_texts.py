"""Texts as the numbers of their tokens, one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

# Texts tokenised at a time.
_AT_A_TIME = 20_000


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts without special tokens, one after the other.

    Args:
        tokens: Of all texts.
        bounds: Where each begins, and where the last ends. Shape: (n_texts + 1,).
    """

    tokens: NDArray[np.int64]
    bounds: NDArray[np.int64]

    @classmethod
    def of(cls, texts: Sequence[str], tokenizer: Tokenizer) -> Self:
        """The texts, tokenised; the tokenizer neither pads nor truncates."""
        encoded: list[NDArray[np.int64]] = []
        for first in range(0, len(texts), _AT_A_TIME):
            part = tokenizer.encode_batch(list(texts[first : first + _AT_A_TIME]), add_special_tokens=False)
            encoded += [np.asarray(each.ids, np.int64) for each in part]
        bounds = np.cumsum([0, *(len(each) for each in encoded)])
        return cls(np.concatenate(encoded), bounds)

    def __len__(self) -> int:
        """Texts."""
        return len(self.bounds) - 1

    def take(self, rows: range) -> Self:
        """Neighbouring texts."""
        bounds = self.bounds[rows.start : rows.stop + 1]
        return type(self)(self.tokens[bounds[0] : bounds[-1]], bounds - bounds[0])
