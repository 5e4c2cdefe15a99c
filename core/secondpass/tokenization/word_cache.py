"""Word by word: texts repeat the same words over and over, so each is tokenised once and kept.

BERT's tokenizers cut at white space before they look at what stands side by side, so a text's tokens are those of its
words, end to end. Looking a word up takes a tenth of the time of tokenising it again; without that, a small model on a
CPU, and any model on a GPU, would wait for its tokenizer.
"""

import itertools
import threading
from collections import defaultdict
from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from secondpass.concurrency.per_process import PerProcess
from secondpass.tokenization.text_tokenizer import Offsets, TokenizeTexts, locate
from secondpass.tokenization.tokens import Spans

# Characters of all words in the cache, which takes 30 times as many bytes. With four times as many, a fifth fewer words
# would be tokenised of 16,000 passages, which have 1.7 million characters in different words.
_MAX_CHARACTERS = 250_000
# Words joined into one text to be tokenised: each text has a cost of its own, but every core should get some.
_WORDS_PER_TEXT = 256


def is_word_local(tokenizer: Tokenizer) -> bool:
    """True where every part is BERT's own, and no added token holds white space or takes what follows it."""
    kinds = (
        (tokenizer.normalizer, BertNormalizer),
        (tokenizer.pre_tokenizer, BertPreTokenizer),
        (tokenizer.model, WordPiece),
    )
    added = tokenizer.get_added_tokens_decoder().values()
    return all(isinstance(part, kind) for part, kind in kinds) and all(
        token.content.split() == [token.content] and not token.rstrip for token in added
    )


def tokenize_words(tokenizer: Tokenizer, words: Sequence[str]) -> Spans:
    """The ids of each word, with a tokenizer for which `is_word_local` holds.

    Words are joined into texts, because a text costs several times as much as a word, and told apart by where their
    tokens end (an added token may begin at the white space before it).

    Args:
        tokenizer: Used without special tokens, truncation or padding.
        words: At least one, without spaces.
    """
    texts = [words[first : first + _WORDS_PER_TEXT] for first in range(0, len(words), _WORDS_PER_TEXT)]
    ids: list[list[int]] = []
    lengths: list[NDArray[np.int64]] = []
    encodings = tokenizer.encode_batch([" ".join(text) for text in texts], add_special_tokens=False)
    for text, encoding in zip(texts, encodings, strict=True):
        word_ends = (np.fromiter(map(len, text), np.int64, len(text)) + 1).cumsum()
        token_ends = np.array([end for _, end in encoding.offsets], np.int64)
        lengths.append(np.bincount(np.searchsorted(word_ends, token_ends), minlength=len(text)))
        ids.append(encoding.ids)
    return Spans.end_to_end(Spans.of(ids).ids, np.concatenate(lengths))


class WordCache:
    """Texts to ids by way of their words. Any number of threads may share one.

    Args:
        tokenize: Words to ids; see `tokenize_words`.
    """

    # A word's number is the index of its span in `_spans`. Reading an unknown word gives it the next number, so one
    # pass over the words both looks up the known and numbers the new ones, in C and without a branch for each word.
    _numbers: defaultdict[str, int]
    _spans: Spans
    _n_uses: NDArray[np.int64]
    _n_characters: int

    def __init__(self, tokenize: TokenizeTexts) -> None:
        self._tokenize = tokenize
        self._lock = threading.Lock()
        self._clear()

    def __call__(self, texts: Sequence[str]) -> Spans:
        """The ids of each text."""
        words = split_words(texts)
        n_words = np.array([text.count(" ") + text.count("\n") + 1 for text in texts], np.int64)
        tokens = self.look_up(words)
        return Spans.end_to_end(tokens.concatenate(), np.add.reduceat(tokens.lengths, n_words.cumsum() - n_words))

    def look_up(self, words: list[str]) -> Spans:
        """The ids of each word."""
        with self._lock:
            try:
                n_known = len(self._numbers)
                numbers = np.fromiter(map(self._numbers.__getitem__, words), np.int64, len(words))
                if n_new := len(self._numbers) - n_known:
                    # Dictionaries keep the order of insertion, so the new words are the last ones.
                    newest_first = list(itertools.islice(reversed(self._numbers), n_new))
                    self._add(newest_first[::-1])
                spans = self._spans
                self._n_uses += np.bincount(numbers, minlength=len(self._n_uses))
                if self._n_characters > _MAX_CHARACTERS:
                    self._forget()
            except BaseException:  # an interruption, too, would leave words that have numbers and no spans
                self._clear()
                raise
        return spans.take(numbers)

    def _add(self, words: list[str]) -> None:
        self._spans = self._spans.extend(self._tokenize(words))
        self._n_uses = np.concatenate([self._n_uses, np.zeros(len(words), np.int64)])
        self._n_characters += sum(map(len, words))

    def _forget(self) -> None:
        """Keep the words used most, of those used as often the newest; the rest makes room."""
        words = list(self._numbers)
        most_used = np.lexsort((np.arange(len(words)), self._n_uses))[::-1]
        characters = np.fromiter(map(len, words), np.int64, len(words))[most_used].cumsum()
        kept = np.sort(most_used[characters <= _MAX_CHARACTERS * 7 // 8])
        self._numbers = defaultdict(itertools.count(len(kept)).__next__)
        self._numbers.update(zip(map(words.__getitem__, kept.tolist()), range(len(kept)), strict=True))
        spans = self._spans.take(kept)
        self._spans = Spans.end_to_end(spans.concatenate(), spans.lengths)
        # What was used long ago counts for less, so that words that came later have their turn.
        self._n_uses = self._n_uses[kept] // 2
        self._n_characters = sum(map(len, self._numbers))

    def _clear(self) -> None:
        self._numbers = defaultdict(itertools.count().__next__)
        self._spans = Spans.of([])
        self._n_uses = np.zeros(0, np.int64)
        self._n_characters = 0


class WordTokenizer:
    """A tokenizer for which `is_word_local` holds, with a cache of words. Any number of threads may share one.

    Args:
        raw: With neither truncation nor padding; never changed.
    """

    def __init__(self, raw: Tokenizer) -> None:
        self._raw = raw
        self._cache = PerProcess(lambda: WordCache(partial(tokenize_words, raw)))

    def __call__(self, texts: Sequence[str]) -> Spans:
        """The ids of each text."""
        return self._cache.get()(texts)

    def locate(self, text: str) -> Offsets:
        """Where each token of a text stands."""
        return locate(self._raw, text)

    def locate_words(self, text: str, n_together: int) -> Offsets:
        """Where each token stands; those of a word of up to `n_together` each stand for the whole of it."""
        words = split_words([text])
        counts = self._cache.get().look_up(words).lengths
        lengths = np.fromiter(map(len, words), np.int64, len(words))
        starts = (lengths + 1).cumsum() - lengths - 1
        token_starts, token_ends = starts.repeat(counts), (starts + lengths).repeat(counts)
        first_tokens = counts.cumsum() - counts
        for word in np.flatnonzero(counts > max(n_together, 1)):
            exact = locate(self._raw, words[word])
            tokens = slice(first_tokens[word], first_tokens[word] + counts[word])
            token_starts[tokens], token_ends[tokens] = starts[word] + exact.starts, starts[word] + exact.ends
        return Offsets(token_starts, token_ends)


def split_words(texts: Sequence[str]) -> list[str]:
    """All words of these texts; every text has one more of them than it has spaces and line feeds."""
    # Only at these two: other white space may be control characters to BERT, which joins what is beside them.
    return " ".join(texts).replace("\n", " ").split(" ")
