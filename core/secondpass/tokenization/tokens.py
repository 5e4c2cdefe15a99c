"""Token ids of many texts and pairs in a few flat arrays: no object for each token, so the host keeps up with a GPU."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """Token ids of several texts, each a span of one array; spans may share ids and lie in any order.

    Args:
        ids: Vocabulary ids. Shape: (n_ids,), int32.
        starts: Where each text's span begins. Shape: (n_texts,), int64.
        lengths: Tokens of each text. Shape: (n_texts,), int64.
    """

    ids: NDArray[np.int32]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]

    @classmethod
    def of(cls, texts: Sequence[Sequence[int]]) -> "Spans":
        """The ids of these texts."""
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        return cls.end_to_end(np.fromiter(itertools.chain.from_iterable(texts), np.int32, lengths.sum()), lengths)

    @classmethod
    def end_to_end(cls, ids: NDArray[np.int32], lengths: NDArray[np.int64]) -> "Spans":
        """Texts of these lengths that lie end to end."""
        return cls(ids, _starts(lengths), lengths)

    def take(self, texts: NDArray[np.int64]) -> "Spans":
        """Those of the texts with these numbers, in this order."""
        return Spans(self.ids, self.starts[texts], self.lengths[texts])

    def extend(self, more: "Spans") -> "Spans":
        """These texts, and more behind them, as a new value."""
        starts = np.concatenate([self.starts, more.starts + len(self.ids)])
        return Spans(np.concatenate([self.ids, more.ids]), starts, np.concatenate([self.lengths, more.lengths]))

    def concatenate(self) -> NDArray[np.int32]:
        """All texts' ids, end to end. Shape: (sum of lengths,)."""
        return self.ids[span_indices(self.starts, self.lengths)]


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """What stands in one position of every pair, all of one token type.

    Args:
        spans: The tokens there, one span per pair.
        type_id: Their token type.
    """

    spans: Spans
    type_id: int


@dataclass(frozen=True, slots=True)
class Specials:
    """Neighbouring special tokens of one token type.

    Args:
        ids: Vocabulary ids.
        type_id: Their token type.
    """

    ids: tuple[int, ...]
    type_id: int = 0

    def column(self, n_pairs: int) -> Column:
        """The same tokens in each of `n_pairs` pairs."""
        starts, lengths = np.zeros(n_pairs, np.int64), np.full(n_pairs, len(self.ids), np.int64)
        return Column(Spans(np.array(self.ids, np.int32), starts, lengths), self.type_id)


@dataclass(frozen=True, slots=True, eq=False)
class PairTokens:
    """What a model reads of several pairs (or single texts), laid end to end.

    Args:
        ids: Vocabulary ids, specials included. Shape: (n_tokens,), int32.
        type_ids: Token types (0 query side, 1 document side). Shape: (n_tokens,), uint8.
        lengths: Tokens of each pair; they sum to n_tokens. Shape: (n_pairs,), int64.
    """

    ids: NDArray[np.int32]
    type_ids: NDArray[np.uint8]
    lengths: NDArray[np.int64]

    def __len__(self) -> int:
        """Pairs."""
        return len(self.lengths)

    @classmethod
    def concatenate(cls, parts: "Sequence[PairTokens]") -> "PairTokens":
        """The pairs of all parts, of at least one, in order."""
        return cls(
            np.concatenate([part.ids for part in parts]),
            np.concatenate([part.type_ids for part in parts]),
            np.concatenate([part.lengths for part in parts]),
        )

    def without_gaps(self) -> "PairTokens":
        """These pairs, of which those without any token have one, of id 0."""
        blank = self.lengths == 0
        if not blank.any():
            return self
        places = _starts(self.lengths)[blank]
        ids, type_ids = np.insert(self.ids, places, 0), np.insert(self.type_ids, places, 0)
        return PairTokens(ids.astype(np.int32), type_ids.astype(np.uint8), np.maximum(self.lengths, 1))

    def without_trailing(self, token_id: int) -> "PairTokens":
        """These pairs up to the last token that is another than this one; of those that hold no other, the first."""
        starts = _starts(self.lengths)
        others = np.where(self.ids == token_id, -1, np.arange(len(self.ids)))
        lasts = np.maximum.accumulate(np.append(-1, others))[starts + self.lengths]
        lengths = np.minimum(np.maximum(lasts - starts + 1, 1), self.lengths)
        if (lengths == self.lengths).all():
            return self
        indices = span_indices(starts, lengths)
        return PairTokens(self.ids[indices], self.type_ids[indices], lengths)

    def take(self, pairs: Sequence[int] | slice) -> "PairTokens":
        """Those of the pairs with these numbers, in this order."""
        lengths = self.lengths[pairs]
        indices = span_indices(_starts(self.lengths)[pairs], lengths)
        return PairTokens(self.ids[indices], self.type_ids[indices], lengths)


def join(columns: Sequence[Column]) -> PairTokens:
    """Pairs put together from their columns, in this order.

    Args:
        columns: At least one, all of equally many pairs.
    """
    spans = [column.spans for column in columns]
    begins = itertools.accumulate((len(s.ids) for s in spans[:-1]), initial=0)
    starts = np.stack([s.starts + begin for s, begin in zip(spans, begins, strict=True)], axis=1).ravel()
    lengths = np.stack([s.lengths for s in spans], axis=1)
    types = np.tile(np.array([column.type_id for column in columns], np.uint8), len(lengths))
    ids = Spans(np.concatenate([s.ids for s in spans]), starts, lengths.ravel()).concatenate()
    return PairTokens(ids, types.repeat(lengths.ravel()), lengths.sum(axis=1))


def _starts(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each span begins when they lie end to end."""
    return lengths.cumsum() - lengths


def span_indices(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """The indices start, start + 1, ... of each span, the spans end to end. Shape: (sum of lengths,)."""
    shifts: NDArray[np.int64] = (starts - _starts(lengths)).repeat(lengths)
    return np.arange(lengths.sum()) + shifts
