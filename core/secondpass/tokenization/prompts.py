"""(query, document) becomes the prompt of a model that judges both in one text, and what of it is truncated."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from secondpass.ranking import Pair
from secondpass.tokenization.pairs import TokenizeTexts, tokenize_once
from secondpass.tokenization.tokens import Column, PairTokens, Spans, Specials, join

WritePrompt: TypeAlias = Callable[[str, str], str]
"""Query and document to the text that holds both."""

Ending: TypeAlias = Callable[[Sequence[str]], Spans]
"""The ids in which the texts of these queries end."""


@dataclass(frozen=True, slots=True)
class PromptTokenizer:
    """Pairs for models that read query and document in one text, tokenised as a whole.

    Args:
        tokenize: Texts to ids.
        before: Ids ahead of the text; never truncated.
        write: The text of a pair.
        ending: What the texts end in that is never truncated; where a text is, it takes the place of the last tokens.
        after: Ids behind the text; never truncated.
        max_length: Tokens of the whole, `before` and `after` included.
        truncation_side: Which end of the text goes.
    """

    tokenize: TokenizeTexts
    before: tuple[int, ...]
    write: WritePrompt
    ending: Ending
    after: tuple[int, ...]
    max_length: int
    truncation_side: Literal["left", "right"] = "right"

    def __call__(self, pairs: Sequence[Pair]) -> PairTokens:
        """The tokens of the pairs, in the given order."""
        texts = tokenize_once(self.tokenize, [self.write(query, document) for query, document in pairs])
        endings = self.ending([query for query, _ in pairs])
        room = self.max_length - len(self.before) - len(self.after)
        # A text that fills the room exactly may have been longer: its ending is put in place all the same.
        full = texts.lengths >= room
        n_ending = np.where(full, np.minimum(endings.lengths, room), 0)
        lengths = np.where(full, room - n_ending, texts.lengths)
        overflow = np.maximum(texts.lengths - room, 0)
        starts = texts.starts + overflow if self.truncation_side == "left" else texts.starts
        kept_endings = Spans(endings.ids, endings.starts + endings.lengths - n_ending, n_ending)
        return join(
            [
                Specials(self.before).column(len(pairs)),
                Column(Spans(texts.ids, starts, lengths), 0),
                Column(kept_endings, 0),
                Specials(self.after).column(len(pairs)),
            ]
        )


def fixed_ending(ids: Sequence[int]) -> Ending:
    """The same ending for every query; none at all for no ids."""

    def ending(queries: Sequence[str]) -> Spans:
        return Specials(tuple(ids)).column(len(queries)).spans

    return ending


@dataclass(frozen=True, slots=True)
class PartedPromptTokenizer:
    """Pairs for models that read query and document in one text, its parts tokenised apart.

    The query is truncated to a limit of its own, and the document to what room is left.

    Args:
        tokenize: Texts to ids.
        before: Ids ahead of the query.
        write_query: The query as the prompt puts it.
        separator: Ids between query and document.
        write_document: The document as the prompt puts it.
        after: Ids behind the document.
        max_length: Tokens of the whole.
        query_length: Tokens of the query as the prompt puts it, at most.
    """

    tokenize: TokenizeTexts
    before: tuple[int, ...]
    write_query: Callable[[str], str]
    separator: tuple[int, ...]
    write_document: Callable[[str], str]
    after: tuple[int, ...]
    max_length: int
    query_length: int

    def __call__(self, pairs: Sequence[Pair]) -> PairTokens:
        """The tokens of the pairs, in the given order."""
        queries = tokenize_once(self.tokenize, [self.write_query(query) for query, _ in pairs])
        documents = tokenize_once(self.tokenize, [self.write_document(document) for _, document in pairs])
        n_fixed = len(self.before) + len(self.separator) + len(self.after)
        n_query = np.minimum(queries.lengths, self.query_length)
        n_document = np.minimum(documents.lengths, self.max_length - n_fixed - n_query)
        return join(
            [
                Specials(self.before).column(len(pairs)),
                Column(Spans(queries.ids, queries.starts, n_query), 0),
                Specials(self.separator).column(len(pairs)),
                Column(Spans(documents.ids, documents.starts, n_document), 0),
                Specials(self.after).column(len(pairs)),
            ]
        )
