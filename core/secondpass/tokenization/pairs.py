"""(query, document) becomes token ids: each side tokenised alone, truncated to fit, joined by the special tokens."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from secondpass.ranking import Pair
from secondpass.tokenization.tokens import Column, PairTokens, Spans, Specials, join
from secondpass.tokenization.truncation import longest_first

TokenizeTexts: TypeAlias = Callable[[Sequence[str]], Spans]
"""Texts to token ids, without special tokens, truncation or padding."""


class PairTokenizer(Protocol):
    """Turns pairs into tokens; threads may share one."""

    def __call__(self, pairs: Sequence[Pair]) -> PairTokens:
        """The tokens of the pairs, in the given order."""
        ...


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
    """

    tokenize: TokenizeTexts
    template: PairTemplate
    max_length: int
    prompt: str = ""
    truncation_side: Literal["left", "right"] = "right"

    def __call__(self, pairs: Sequence[Pair]) -> PairTokens:
        """The tokens of the pairs, in the given order."""
        template = self.template
        first = tokenize_once(self.tokenize, [self.prompt + query for query, _ in pairs])
        second = tokenize_once(self.tokenize, [document for _, document in pairs])
        n_first, n_second = longest_first(first.lengths, second.lengths, self.max_length - template.n_special)
        before, between, after = (
            [specials.column(len(pairs)) for specials in group]
            for group in (template.before, template.between, template.after)
        )
        query = Column(self._truncate(first, n_first), template.first_type)
        document = Column(self._truncate(second, n_second), template.second_type)
        return join([*before, query, *between, document, *after])

    def _truncate(self, texts: Spans, lengths: NDArray[np.int64]) -> Spans:
        starts = texts.starts + (texts.lengths - lengths) if self.truncation_side == "left" else texts.starts
        return Spans(texts.ids, starts, lengths)


@dataclass(frozen=True, slots=True)
class OneTextTokenizer:
    """Single texts for models that embed them one by one.

    Args:
        tokenize: Texts to ids.
        before: Special ids before a text.
        after: Special ids after a text.
        max_length: Tokens of a text, specials included.
        prompt: Put before every text as plain text.
    """

    tokenize: TokenizeTexts
    before: tuple[int, ...]
    after: tuple[int, ...]
    max_length: int
    prompt: str = ""

    def __call__(self, texts: Sequence[str]) -> PairTokens:
        """The tokens of the texts, truncated at their ends, all of one token type, in the given order."""
        spans = tokenize_once(self.tokenize, [self.prompt + text for text in texts])
        lengths = np.minimum(spans.lengths, self.max_length - len(self.before) - len(self.after))
        truncated = Column(Spans(spans.ids, spans.starts, lengths), 0)
        return join([Specials(self.before).column(len(texts)), truncated, Specials(self.after).column(len(texts))])


def tokenize_once(tokenize: TokenizeTexts, texts: Sequence[str]) -> Spans:
    """The tokens of these texts; one that appears several times is tokenised once."""
    numbers = {text: number for number, text in enumerate(dict.fromkeys(texts))}
    return tokenize(list(numbers)).take(np.fromiter((numbers[text] for text in texts), np.int64, len(texts)))
