"""What becomes of pairs and of single texts on their way to a model: one interface for every layout."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from secondpass.ranking import Pair
from secondpass.tokenization.text_tokenizer import TextTokenizer
from secondpass.tokenization.tokens import PairTokens

ItemT = TypeVar("ItemT", Pair, str)
"""What is tokenized: (query, document) pairs, or single texts."""


@dataclass(frozen=True, slots=True, eq=False)
class FittedTokens:
    """Items as a model reads them, and how much of each was truncated.

    Args:
        tokens: What is read.
        document_read: Tokens of its document that are read. Shape: (n_items,), int64.
        document_excess: Tokens of its document that are not read. Shape: (n_items,), int64.
        query_excess: Tokens of its query that are not read. Shape: (n_items,), int64.
    """

    tokens: PairTokens
    document_read: NDArray[np.int64]
    document_excess: NDArray[np.int64]
    query_excess: NDArray[np.int64]


class ItemTokenizer(Protocol[ItemT]):
    """Turns pairs or single texts into tokens; threads may share one."""

    @property
    def tokenize(self) -> TextTokenizer:
        """What turns each of their texts into tokens."""
        ...

    @property
    def max_length(self) -> int:
        """The most tokens of an item that are read, specials included."""
        ...

    @property
    def least_room(self) -> int:
        """Tokens of a document that fit beside a query of any length, which is then truncated; below 1 if none do."""
        ...

    def __call__(self, items: Sequence[ItemT], /) -> PairTokens:
        """The tokens of the items, truncated to fit, in the given order."""
        ...

    def fit(self, items: Sequence[ItemT], /) -> FittedTokens:
        """The tokens of the items, truncated to fit, and how much was truncated."""
        ...

    def read_characters(self, item: ItemT, /) -> tuple[int, int]:
        """The characters of a truncated document that are read: the first, and one behind the last."""
        ...

    def for_windows(self) -> "ItemTokenizer[ItemT]":
        """The same, for documents that are split: a long query is truncated so that there is room beside it."""
        ...
