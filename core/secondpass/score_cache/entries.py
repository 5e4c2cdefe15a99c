"""What is kept of a (query, document) pair, under which key, and what is still missing of a request."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from secondpass.ranking import Pair, Passage, RankedDocument
from secondpass.ranking.readings import Reading, documents_of

Scores: TypeAlias = list[float] | NDArray[np.float32]

# What a scorer gives as a list has this form; arrays have the name of their dtype.
LIST = "list"


@dataclass(frozen=True, slots=True)
class Entry:
    """What is kept of one pair.

    Args:
        reading: What the scorer said: single precision is exact in double.
        form: How it gave the score, see `LIST`.
    """

    reading: Reading
    form: str

    def encode(self) -> bytes:
        """JSON: Python writes numbers so that they are read back exactly, infinite ones too."""
        read = self.reading
        passage = None if read.passage is None else astuple(read.passage)
        return json.dumps([read.score, self.form, passage, read.truncated, read.raw_score]).encode()

    @classmethod
    def decode(cls, value: bytes) -> "Entry":
        """What `encode` made."""
        score, form, passage, truncated, *raw_score = json.loads(value)  # earlier entries have no raw score
        return cls(Reading(score, None if passage is None else Passage(*passage), truncated, None, *raw_score), form)


class Lookup:
    """Pairs, and what is known of them so far.

    Args:
        pairs: Some of those that a call was given, one behind the other.
        keys: Where the entry of each lies.
        first: The number of the first one in that call.
    """

    def __init__(self, pairs: Sequence[Pair], keys: Sequence[bytes], *, first: int = 0) -> None:
        self._pairs = pairs
        self._first = first
        self._keys = keys
        self._by_pair = dict(zip(pairs, keys, strict=True))
        self._known: dict[bytes, Entry] = {}
        # Each pair once, in the given order.
        self.missing: list[Pair] = list(self._by_pair)

    @property
    def distinct_keys(self) -> list[bytes]:
        """The key of each pair, once."""
        return list(self._by_pair.values())

    @property
    def missing_documents(self) -> list[str]:
        """The documents of `missing`."""
        return [document for _, document in self.missing]

    def numbers(self, some: Sequence[Pair]) -> list[int]:
        """The numbers of some of the pairs in the call, of equal ones the first one's."""
        number_of: dict[Pair, int] = {}
        for number, pair in enumerate(self._pairs, self._first):
            number_of.setdefault(pair, number)
        return [number_of[pair] for pair in some]

    def key_of(self, pair: Pair) -> bytes:
        """Where a pair's entry lies."""
        return self._by_pair[pair]

    def fill(self, entries: Mapping[bytes, Entry]) -> None:
        """Add what is known now."""
        self._known |= entries
        self.missing = [pair for pair, key in self._by_pair.items() if key not in self._known]

    def entries(self) -> list[Entry]:
        """In the given order, once nothing is missing."""
        return [self._known[key] for key in self._keys]

    def documents(self) -> list[RankedDocument]:
        """The documents with what is known of them, in the given order, once nothing is missing."""
        return documents_of((entry.reading for entry in self.entries()), [text for _, text in self._pairs])


def pair_keys(call: str, fingerprint: str, pairs: Sequence[Pair]) -> list[bytes]:
    """Digests of everything a score depends on; lengths keep neighbouring texts apart."""
    keys = []
    beginning = hashlib.blake2b(_with_length(call) + _with_length(fingerprint), digest_size=32)
    for query, document in pairs:
        digest = beginning.copy()
        digest.update(_with_length(query))
        digest.update(_with_length(document))
        keys.append(digest.digest())
    return keys


def _with_length(text: str) -> bytes:
    # Half of a surrogate pair is no UTF-8, but a string all the same.
    encoded = text.encode(errors="surrogatepass")
    return len(encoded).to_bytes(8, "big") + encoded


def in_form(entries: Sequence[Entry]) -> Scores:
    """The scores as one array where the scorer gave all of them in arrays of one dtype, else as a list."""
    scores = [entry.reading.score for entry in entries]
    forms = {entry.form for entry in entries}
    if len(forms) != 1 or forms == {LIST}:
        return scores
    return np.array(scores, dtype=forms.pop())


def join(blocks: Sequence[Scores]) -> Scores:
    """The scores of all blocks, as one array where all of them are arrays of one dtype."""
    arrays = [block for block in blocks if isinstance(block, np.ndarray)]
    if blocks and len(arrays) == len(blocks) and len({array.dtype for array in arrays}) == 1:
        return np.concatenate(arrays)
    return [float(score) for block in blocks for score in block]
