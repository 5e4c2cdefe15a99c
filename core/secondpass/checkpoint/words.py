"""Word by word: texts repeat the same words over and over, so each is tokenised once and remembered.

BERT's tokenizers cut at white space before they look at what stands side by side, so a text's tokens are those of its
words, end to end. To look a word up takes a tenth of the time of tokenising it again; without that, a small model on a
CPU, and any model on a GPU, would wait for its tokenizer.
"""

import itertools
import json
import threading
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from secondpass.pairs import TokenizeTexts
from secondpass.tokens import Spans

# Of the words remembered at a time, some 20 MB in all: more than the different words of ten thousand passages have.
_MOST_CHARACTERS = 1_000_000
# Words in a text when they are tokenised: enough texts for every core, and few texts.
_LOT = 256


def reads_words_alone(tokenizer: Tokenizer) -> bool:
    """Whether a text's tokens are those of its words, whatever stands beside them.

    So it is where each part is BERT's own, and no added token holds white space.
    """
    stated = json.loads(tokenizer.to_str())
    kinds = [(stated.get(part) or {}).get("type") for part in ("normalizer", "pre_tokenizer", "model")]
    added = (token["content"] for token in stated.get("added_tokens") or [])
    return kinds == ["BertNormalizer", "BertPreTokenizer", "WordPiece"] and all(len(t.split()) == 1 for t in added)


def tokenize_words(tokenizer: Tokenizer, words: Sequence[str]) -> Spans:
    """The ids of each word, with a tokenizer for which `reads_words_alone` holds.

    Words are read as texts of many, for what a text costs is several times the cost of a word, and told apart by where
    their tokens begin.
    """
    lots = [words[first : first + _LOT] for first in range(0, len(words), _LOT)]
    ids: list[list[int]] = []
    lengths: list[NDArray[np.int64]] = []
    encodings = tokenizer.encode_batch([" ".join(lot) for lot in lots], add_special_tokens=False)
    for lot, encoding in zip(lots, encodings, strict=True):
        ends = (np.fromiter(map(len, lot), np.int64, len(lot)) + 1).cumsum() - 1
        begins = np.array([begin for begin, _ in encoding.offsets], np.int64)
        lengths.append(np.bincount(np.searchsorted(ends, begins, side="right"), minlength=len(lot)))
        ids.append(encoding.ids)
    return Spans.end_to_end(Spans.of(ids).ids, np.concatenate(lengths))


class WordMemory:
    """Texts to ids by way of their words. Any number of threads may share one.

    Args:
        tokenize: Words to ids; see `tokenize_words`.
    """

    _numbers: defaultdict[str, int]  # a word's place in `_known`
    _known: Spans
    _n_characters: int

    def __init__(self, tokenize: TokenizeTexts) -> None:
        self._tokenize = tokenize
        self._lock = threading.Lock()
        self._forget()

    def __call__(self, texts: Sequence[str]) -> Spans:
        """The ids of each text."""
        # Not at all white space: some counts as control characters, which BERT takes out, joining what is beside them.
        words = " ".join(texts).replace("\n", " ").split(" ")
        n_words = np.array([text.count(" ") + text.count("\n") + 1 for text in texts])
        tokens = self._look_up(words)
        return Spans.end_to_end(tokens.joined(), np.add.reduceat(tokens.lengths, n_words.cumsum() - n_words))

    def _look_up(self, words: list[str]) -> Spans:
        """The ids of each word."""
        with self._lock:
            n_known = len(self._numbers)
            places = np.fromiter(map(self._numbers.__getitem__, words), np.int64, len(words))
            if n_new := len(self._numbers) - n_known:
                newest_first = list(itertools.islice(reversed(self._numbers), n_new))
                self._learn(newest_first[::-1])
            known = self._known
            if self._n_characters > _MOST_CHARACTERS:
                self._forget()
        return known.take(places)

    def _learn(self, words: list[str]) -> None:
        try:
            new = self._tokenize(words)
        except BaseException:
            self._forget()  # these words have numbers by now
            raise
        self._known = self._known.extended(new)
        self._n_characters += sum(map(len, words))

    def _forget(self) -> None:
        self._numbers = defaultdict(itertools.count().__next__)
        self._known = Spans.of([])
        self._n_characters = 0
