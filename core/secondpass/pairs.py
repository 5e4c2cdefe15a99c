"""(query, document) becomes token ids: each side tokenised alone, cut to fit, joined by the special tokens."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

Pair: TypeAlias = tuple[str, str]
TokenizeTexts: TypeAlias = Callable[[Sequence[str]], list[list[int]]]
"""Texts to token ids, without special tokens, truncation or padding."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """One text or pair as a model reads it.

    Args:
        ids: Vocabulary ids, specials included.
        type_ids: Token types, one an id.
    """

    ids: list[int]
    type_ids: list[int]

    def __len__(self) -> int:
        return len(self.ids)


class PairEncoder(Protocol):
    """Turns pairs into tokens; changes no shared state, so threads may share one."""

    def __call__(self, pairs: Sequence[Pair]) -> list[Tokens]:
        """One Tokens value a pair, in the given order."""
        ...


@dataclass(frozen=True, slots=True)
class PairTemplate:
    """The special tokens around two texts, such as `[CLS] query [SEP] document [SEP]`.

    Args:
        before: Special ids before the first text.
        between: Special ids between the texts.
        after: Special ids after the second text.
        type_ids: Token types of the five parts: before, first text, between, second text, after. The special tokens
            between two texts may change type midway (`[SEP]` closes the first), so parts hold one type a token but the
            texts hold one type.
    """

    before: tuple[int, ...]
    between: tuple[int, ...]
    after: tuple[int, ...]
    before_types: tuple[int, ...]
    first_type: int
    between_types: tuple[int, ...]
    second_type: int
    after_types: tuple[int, ...]

    @property
    def n_special(self) -> int:
        """Special tokens of a pair."""
        return len(self.before) + len(self.between) + len(self.after)

    def join(self, first: list[int], second: list[int]) -> Tokens:
        """The two texts' ids with the special tokens around them."""
        return Tokens(
            [*self.before, *first, *self.between, *second, *self.after],
            [
                *self.before_types,
                *([self.first_type] * len(first)),
                *self.between_types,
                *([self.second_type] * len(second)),
                *self.after_types,
            ],
        )


def longest_first(n_first: int, n_second: int, room: int) -> tuple[int, int]:
    """How many tokens of two texts fit into `room`, cutting the longer one first.

    The rule of the `tokenizers` library (`TruncationStrategy::LongestFirst`), which the model cards' code and
    sentence-transformers use: with a <= b the two counts, b becomes a if a > room, else max(a, room - a); if a + b is
    still above room, both become half of it. On equal halves of an odd room the second text gets the odd token.

    Args:
        n_first: Tokens of the first text.
        n_second: Tokens of the second text.
        room: Tokens both may have together, specials not counted.
    """
    if n_first + n_second <= room:
        return n_first, n_second
    short, long = min(n_first, n_second), max(n_first, n_second)
    long = short if short > room else max(short, room - short)
    if short + long > room:
        short, long = room // 2, room - room // 2
    return (long, short) if n_first > n_second else (short, long)


@dataclass(frozen=True, slots=True)
class TwoTextEncoder:
    """Pairs for models that read two texts with special tokens between them.

    Args:
        tokenize: Texts to ids.
        template: The special tokens.
        max_length: Tokens of a pair, specials included.
        prompt: Put before the query as plain text.
        truncation_side: Which end of a text is cut.
    """

    tokenize: TokenizeTexts
    template: PairTemplate
    max_length: int
    prompt: str = ""
    truncation_side: Literal["left", "right"] = "right"

    def __call__(self, pairs: Sequence[Pair]) -> list[Tokens]:
        """One Tokens value a pair, in the given order; a query that several pairs share is tokenised once."""
        queries = dict.fromkeys(query for query, _ in pairs)
        query_ids = dict(zip(queries, self.tokenize([self.prompt + query for query in queries]), strict=True))
        document_ids = self.tokenize([document for _, document in pairs])
        return [self._join(query_ids[query], ids) for (query, _), ids in zip(pairs, document_ids, strict=True)]

    def _join(self, query: list[int], document: list[int]) -> Tokens:
        room = self.max_length - self.template.n_special
        n_query, n_document = longest_first(len(query), len(document), room)
        return self.template.join(self._cut(query, n_query), self._cut(document, n_document))

    def _cut(self, ids: list[int], length: int) -> list[int]:
        return ids[len(ids) - length :] if self.truncation_side == "left" else ids[:length]


@dataclass(frozen=True, slots=True)
class PromptEncoder:
    """Pairs for causal models: one prompt that holds both texts, judged at its last token.

    Args:
        tokenize: Texts to ids.
        before: Ids ahead of the prompt's body; never cut.
        body: Format string with `{query}` and `{document}`, cut at its end.
        after: Ids behind the body; never cut.
        max_length: Tokens of the whole, `before` and `after` included.
    """

    tokenize: TokenizeTexts
    before: tuple[int, ...]
    body: str
    after: tuple[int, ...]
    max_length: int

    def __call__(self, pairs: Sequence[Pair]) -> list[Tokens]:
        """One Tokens value a pair, in the given order."""
        room = self.max_length - len(self.before) - len(self.after)
        bodies = self.tokenize([self.body.format(query=query, document=document) for query, document in pairs])
        encoded = [[*self.before, *ids[:room], *self.after] for ids in bodies]
        return [Tokens(ids, [0] * len(ids)) for ids in encoded]


@dataclass(frozen=True, slots=True)
class OneTextEncoder:
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

    def __call__(self, texts: Sequence[str]) -> list[Tokens]:
        """One Tokens value a text, of one token type, in the given order."""
        room = self.max_length - len(self.before) - len(self.after)
        encoded = [
            [*self.before, *ids[:room], *self.after] for ids in self.tokenize([self.prompt + text for text in texts])
        ]
        return [Tokens(ids, [0] * len(ids)) for ids in encoded]
