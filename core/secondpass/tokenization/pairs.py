"""(query, document) becomes token ids: each side tokenised alone, truncated to fit, joined by the special tokens."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from secondpass.ranking import Pair
from secondpass.tokenization.item_tokenizer import FittedTokens, ItemTokenizer
from secondpass.tokenization.text_tokenizer import TextTokenizer, TokenizeTexts, beginning_of, end_of_first
from secondpass.tokenization.tokens import Column, PairTokens, Spans, Specials, join
from secondpass.tokenization.truncation import longest_first


class PairTokenizer(ItemTokenizer[Pair], Protocol):
    """Turns pairs into tokens; threads may share one."""


@dataclass(frozen=True, slots=True)
class PairTemplate:
    """The special tokens around two texts, such as `[CLS] query [SEP] document [SEP]`.

    Args:
        before: Ahead of the first text.
        first_type: Token type of the first text.
        between: Between the texts; they may change type midway (`[SEP]` closes the first).
        second_type: Token type of the second text.
        after: Behind the second text.
    """

    before: tuple[Specials, ...]
    first_type: int
    between: tuple[Specials, ...]
    second_type: int
    after: tuple[Specials, ...]

    @property
    def n_special(self) -> int:
        """Special tokens of a pair."""
        return sum(len(specials.ids) for specials in (*self.before, *self.between, *self.after))


@dataclass(frozen=True, slots=True)
class TwoTextTokenizer:
    """Pairs for models that read two texts with special tokens between them.

    Args:
        tokenize: Texts to ids.
        template: The special tokens.
        max_length: Tokens of a pair, specials included.
        prompt: Put before the query as plain text.
        truncation_side: Which end of a text goes.
        odd_to_first: Which text gets the odd token of a room that both share; see `longest_first`.
    """

    tokenize: TextTokenizer
    template: PairTemplate
    max_length: int
    prompt: str = ""
    truncation_side: Literal["left", "right"] = "right"
    odd_to_first: bool = False

    @property
    def least_room(self) -> int:
        """Half of the tokens that both texts may have together."""
        return self._room // 2

    @property
    def _room(self) -> int:
        return self.max_length - self.template.n_special

    def __call__(self, pairs: Sequence[Pair]) -> PairTokens:
        """The tokens of the pairs, in the given order."""
        return self.fit(pairs).tokens

    def fit(self, pairs: Sequence[Pair]) -> FittedTokens:
        """The tokens of the pairs and how much was truncated, the longer text first."""
        template = self.template
        first = tokenize_once(self.tokenize, [self.prompt + query for query, _ in pairs])
        second = tokenize_once(self.tokenize, [document for _, document in pairs])
        n_first, n_second = longest_first(first.lengths, second.lengths, self._room, odd_to_first=self.odd_to_first)
        before, between, after = (
            [specials.column(len(pairs)) for specials in group]
            for group in (template.before, template.between, template.after)
        )
        query = Column(_truncate(first, n_first, self.truncation_side), template.first_type)
        document = Column(_truncate(second, n_second, self.truncation_side), template.second_type)
        tokens = join([*before, query, *between, document, *after])
        return FittedTokens(tokens, n_second, second.lengths - n_second, first.lengths - n_first)

    def read_characters(self, pair: Pair) -> tuple[int, int]:
        """The characters of the document that are read; where its beginning goes, from the start of a word on."""
        query, document = pair
        if self.truncation_side == "right":
            fitted = self.fit([(query, beginning_of(document, self._room))])
            if fitted.query_excess[0] or not fitted.document_excess[0]:  # the rest of the document matters
                fitted = self.fit([pair])
            return 0, end_of_first(self.tokenize, document, int(fitted.document_read[0]))
        n_read = int(self.fit([pair]).document_read[0])
        return _start_of_last(self.tokenize, document, n_read), len(document)

    def for_windows(self) -> "TwoTextTokenizer":
        """This one: of a long query and a long document, both keep half of the room."""
        return self


@dataclass(frozen=True, slots=True)
class OneTextTokenizer:
    """Single texts for models that embed them one by one.

    Args:
        tokenize: Texts to ids.
        before: Special ids before a text.
        after: Special ids after a text.
        max_length: Tokens of a text, specials included.
        prompt: Put before every text as plain text.
        truncation_side: Which end of prompt and text goes.
    """

    tokenize: TextTokenizer
    before: tuple[int, ...]
    after: tuple[int, ...]
    max_length: int
    prompt: str = ""
    truncation_side: Literal["left", "right"] = "right"

    @property
    def least_room(self) -> int:
        """All that the prompt leaves of the limit."""
        return self._room - self._n_prompt()

    @property
    def _room(self) -> int:
        return self.max_length - len(self.before) - len(self.after)

    def __call__(self, texts: Sequence[str]) -> PairTokens:
        """The tokens of the texts, all of one token type, in the given order."""
        return self.fit(texts).tokens

    def fit(self, texts: Sequence[str]) -> FittedTokens:
        """The tokens of the texts and how much was truncated."""
        spans = tokenize_once(self.tokenize, [self.prompt + text for text in texts])
        lengths = np.minimum(spans.lengths, self._room)
        truncated = Column(_truncate(spans, lengths, self.truncation_side), 0)
        tokens = join([Specials(self.before).column(len(texts)), truncated, Specials(self.after).column(len(texts))])
        if self.truncation_side == "left":  # the prompt is the first to go
            n_read = np.minimum(lengths, np.maximum(spans.lengths - self._n_prompt(), 0))
        else:
            n_read = np.maximum(lengths - self._n_prompt(), 0)
        return FittedTokens(tokens, n_read, spans.lengths - lengths, np.zeros(len(texts), np.int64))

    def read_characters(self, text: str) -> tuple[int, int]:
        """The characters of the text that are read."""
        if self.truncation_side == "left":
            return _start_of_last(self.tokenize, text, int(self.fit([text]).document_read[0])), len(text)
        end = end_of_first(self.tokenize, self.prompt + text, self._room)
        return 0, max(end - len(self.prompt), 0)

    def for_windows(self) -> "OneTextTokenizer":
        """The same, for texts that are split: the prompt stays in every window."""
        return replace(self, truncation_side="right")

    def _n_prompt(self) -> int:
        return int(self.tokenize([self.prompt]).lengths[0])


def _truncate(texts: Spans, lengths: NDArray[np.int64], truncation_side: Literal["left", "right"]) -> Spans:
    """As many tokens of each text, without those at this side."""
    starts = texts.starts + (texts.lengths - lengths) if truncation_side == "left" else texts.starts
    return Spans(texts.ids, starts, lengths)


def _start_of_last(tokenize: TextTokenizer, text: str, n_tokens: int) -> int:
    """The character from which to read, from the start of a word on, for a text's last `n_tokens` tokens."""
    starts = tokenize.locate(text).starts
    if n_tokens < 1 or n_tokens >= len(starts):
        return 0 if n_tokens else len(text)
    # A word's tokens are not those of its second half alone, nor, in some tokenizers, those without a space ahead.
    first = starts[len(starts) - n_tokens]
    word = re.compile(r"\S").search(text, first)
    before = text if word is None else text[: word.start()]
    # From the back: a search for what ends there would begin at every character of a long word.
    backwards = re.compile(r"\S*").match(before[::-1])
    return max(len(before) - (0 if backwards is None else backwards.end()) - 1, 0)


def tokenize_once(tokenize: TokenizeTexts, texts: Sequence[str]) -> Spans:
    """The tokens of these texts; one that appears several times is tokenised once."""
    numbers = {text: number for number, text in enumerate(dict.fromkeys(texts))}
    if not numbers:
        return Spans.of([])
    return tokenize(list(numbers)).take(np.fromiter((numbers[text] for text in texts), np.int64, len(texts)))
