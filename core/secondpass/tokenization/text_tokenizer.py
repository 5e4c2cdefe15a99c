"""Single texts become token ids, and tokens are found again among a text's characters."""

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from secondpass.concurrency.per_process import PerProcess
from secondpass.tokenization.tokens import Spans

TokenizeTexts: TypeAlias = Callable[[Sequence[str]], Spans]
"""Texts to token ids, without special tokens, truncation or padding."""


@dataclass(frozen=True, slots=True, eq=False)
class Offsets:
    """The characters of a text that each of its tokens stands for.

    Args:
        starts: The first character of each token; never decreasing. Shape: (n_tokens,), int64.
        ends: One behind its last. Shape: (n_tokens,), int64.
    """

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def __len__(self) -> int:
        """Tokens."""
        return len(self.starts)


class TextTokenizer(Protocol):
    """Texts to token ids, without special tokens, truncation or padding. Threads may share one."""

    def __call__(self, texts: Sequence[str], /) -> Spans:
        """The ids of each text."""
        ...

    def locate(self, text: str, /) -> Offsets:
        """Where each token of a text stands."""
        ...

    def locate_words(self, text: str, n_together: int, /) -> Offsets:
        """As `locate`, and faster: tokens of a word of up to `n_together` may each stand for the whole of it."""
        ...


class FastTokenizer:
    """A tokenizer of the `tokenizers` library.

    Args:
        raw: With neither truncation nor padding; never changed.
    """

    def __init__(self, raw: Tokenizer) -> None:
        self._raw = raw

    def __call__(self, texts: Sequence[str]) -> Spans:
        """The ids of each text."""
        encodings = self._raw.encode_batch_fast(list(texts), add_special_tokens=False)
        return Spans.of([encoding.ids for encoding in encodings])

    def locate(self, text: str) -> Offsets:
        """Where each token of a text stands, by the library's own offsets."""
        return locate(self._raw, text)

    def locate_words(self, text: str, n_together: int) -> Offsets:  # noqa: ARG002 - it is no faster
        """As `locate`."""
        return self.locate(text)


class PythonTokenizer:
    """A tokenizer written in Python, which does not say where tokens stand.

    Args:
        encode: The ids of a text; called by one thread at a time, as such tokenizers promise nothing about threads.
    """

    def __init__(self, encode: Callable[[str], list[int]]) -> None:
        self._encode = encode
        self._lock = PerProcess(threading.Lock)

    def __call__(self, texts: Sequence[str]) -> Spans:
        """The ids of each text."""
        with self._lock.get():
            return Spans.of([self._encode(text) for text in texts])

    def locate(self, text: str) -> Offsets:
        """About where each token stands: the tokens of each word, tokenized alone, share its characters evenly."""
        words = [match.span() for match in re.finditer(r"\S+", text)]
        counts = self([text[start:end] for start, end in words]).lengths.tolist()
        edges = [np.linspace(*word, n + 1).astype(np.int64) for word, n in zip(words, counts, strict=True)]
        nothing = np.empty(0, np.int64)
        return Offsets(
            np.concatenate([nothing, *(edge[:-1] for edge in edges)]),
            np.concatenate([nothing, *(edge[1:] for edge in edges)]),
        )

    def locate_words(self, text: str, n_together: int) -> Offsets:  # noqa: ARG002 - it is no faster
        """As `locate`."""
        return self.locate(text)


def locate(raw: Tokenizer, text: str) -> Offsets:
    """Where each token of a text stands, through the tokenizer's normaliser, in characters of the text as given."""
    (encoding,) = raw.encode_batch([text], add_special_tokens=False)
    offsets = np.array(encoding.offsets, np.int64).reshape(-1, 2)
    return Offsets(np.maximum.accumulate(offsets[:, 0]), offsets[:, 1])


def end_of_first(tokenizer: TextTokenizer, text: str, n_tokens: int) -> int:
    """One behind the last character of a text's first `n_tokens` tokens; of all of them, where there are no more."""
    if n_tokens < 1:
        return 0
    beginning = beginning_of(text, n_tokens)
    offsets = tokenizer.locate(beginning)
    if len(offsets) <= n_tokens and len(beginning) < len(text):
        offsets = tokenizer.locate(text)
    return int(offsets.ends[:n_tokens].max(initial=0))


def beginning_of(text: str, n_tokens: int) -> str:
    """A beginning of a text, of whole words, that mostly has more tokens than these: four characters make a token."""
    return text[: words_to(text, 8 * n_tokens + 64)]


def words_to(text: str, least: int) -> int:
    """The first end of a word in a text with so many characters before it, or more; the text's own where none is."""
    space = re.compile(r"\s").search(text, least)
    return len(text) if space is None else space.start()
