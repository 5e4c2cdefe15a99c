"""(query, document) becomes the prompt of a model that judges both in one text, and what of it is truncated."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from secondpass.ranking import Pair
from secondpass.tokenization.item_tokenizer import FittedTokens
from secondpass.tokenization.pairs import tokenize_once
from secondpass.tokenization.text_tokenizer import TextTokenizer, end_of_first
from secondpass.tokenization.tokens import Column, PairTokens, Spans, Specials, join
from secondpass.tokenization.truncation import longest_first

# Stands for a document to see where a prompt puts it; no text holds these two, which Unicode leaves to private use.
_PLACE: Final = "\ue0f3\uf8e1"

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
        shorten_query: Truncate a query that leaves too little room for its document, before the text is written.
    """

    tokenize: TextTokenizer
    before: tuple[int, ...]
    write: WritePrompt
    ending: Ending
    after: tuple[int, ...]
    max_length: int
    truncation_side: Literal["left", "right"] = "right"
    shorten_query: bool = False

    @property
    def least_room(self) -> int:
        """Half of the tokens that both texts may have together."""
        return self._room_for_texts() // 2

    def __call__(self, pairs: Sequence[Pair]) -> PairTokens:
        """The tokens of the pairs, in the given order."""
        return self.fit(pairs).tokens

    def fit(self, pairs: Sequence[Pair]) -> FittedTokens:
        """The tokens of the pairs and how much was truncated."""
        queries, query_excess = self._queries(pairs)
        written = [self.write(query, document) for query, (_, document) in zip(queries, pairs, strict=True)]
        texts = tokenize_once(self.tokenize, written)
        endings = self.ending(queries)
        room = self._room
        # A text that fills the room exactly may have been longer: its ending is put in place all the same.
        full = texts.lengths >= room
        n_ending = np.where(full, np.minimum(endings.lengths, room), 0)
        lengths = np.where(full, room - n_ending, texts.lengths)
        excess = np.maximum(texts.lengths - room, 0)
        starts = texts.starts + excess if self.truncation_side == "left" else texts.starts
        kept_endings = Spans(endings.ids, endings.starts + endings.lengths - n_ending, n_ending)
        tokens = join(
            [
                Specials(self.before).column(len(pairs)),
                Column(Spans(texts.ids, starts, lengths), 0),
                Column(kept_endings, 0),
                Specials(self.after).column(len(pairs)),
            ]
        )
        n_documents = np.zeros(len(pairs), np.int64)
        over = np.flatnonzero(excess).tolist()
        n_documents[over] = tokenize_once(self.tokenize, [pairs[i][1] for i in over]).lengths
        document_excess = np.minimum(excess, n_documents)
        return FittedTokens(
            tokens, n_documents - document_excess, document_excess, query_excess + excess - document_excess
        )

    def read_characters(self, pair: Pair) -> tuple[int, int]:
        """The characters of the document that are read."""
        (query,), _ = self._queries([pair])
        document, text = pair[1], self.write(query, pair[1])
        start = self.write(query, _PLACE).find(_PLACE)
        if self.truncation_side == "left":
            offsets = self.tokenize.locate(text)
            first = int(offsets.starts[len(offsets) - self._room]) - start
            return min(max(first, 0), len(document)), len(document)
        n_ending = int(self.ending([query]).lengths[0])
        end = end_of_first(self.tokenize, text, self._room - n_ending) - start
        return 0, min(max(end, 0), len(document))

    def for_windows(self) -> "PromptTokenizer":
        """The same, with room for a part of the document beside every query."""
        return replace(self, shorten_query=True)

    @property
    def _room(self) -> int:
        """Tokens of the text."""
        return self.max_length - len(self.before) - len(self.after)

    def _room_for_texts(self) -> int:
        """Tokens that query and document may have together."""
        return self._room - int(self.tokenize([self.write("", "")]).lengths[0])

    def _queries(self, pairs: Sequence[Pair]) -> tuple[list[str], NDArray[np.int64]]:
        """The queries as they are written, and how many tokens of each are not among them: none of a pair that fits."""
        queries, excess = [query for query, _ in pairs], np.zeros(len(pairs), np.int64)
        if not self.shorten_query:
            return queries, excess
        room = self._room_for_texts()
        n_queries = tokenize_once(self.tokenize, queries).lengths
        long = np.flatnonzero(n_queries > room // 2).tolist()
        # Tokens merge where texts meet: only the whole says whether it fits.
        n_tokens = tokenize_once(self.tokenize, [self.write(*pairs[i]) for i in long]).lengths
        over = [i for i, n in zip(long, n_tokens.tolist(), strict=True) if n > self._room]
        n_documents = tokenize_once(self.tokenize, [pairs[i][1] for i in over]).lengths
        n_kept, n_read = longest_first(n_queries[over], n_documents, room)
        n_unread = dict(zip(over, (n_documents - n_read).tolist(), strict=True))
        shorter = {i: n for i, n in zip(over, n_kept.tolist(), strict=True) if n < n_queries[i]}
        while shorter:
            for i, n in shorter.items():
                queries[i] = pairs[i][0][: end_of_first(self.tokenize, pairs[i][0], n)]
                excess[i] = n_queries[i] - n
            # What is cut within a character, or beside another word of the prompt, may have more tokens than that.
            n_tokens = tokenize_once(self.tokenize, [self.write(queries[i], pairs[i][1]) for i in shorter]).lengths
            n_over = {i: n - n_unread[i] - self._room for i, n in zip(shorter, n_tokens.tolist(), strict=True)}
            shorter = {i: max(n - n_over[i], 0) for i, n in shorter.items() if n > 0 and n_over[i] > 0}
        return queries, excess


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

    tokenize: TextTokenizer
    before: tuple[int, ...]
    write_query: Callable[[str], str]
    separator: tuple[int, ...]
    write_document: Callable[[str], str]
    after: tuple[int, ...]
    max_length: int
    query_length: int

    @property
    def least_room(self) -> int:
        """What the longest query leaves of the limit."""
        return self._room - self.query_length - self._n_around_document

    def __call__(self, pairs: Sequence[Pair]) -> PairTokens:
        """The tokens of the pairs, in the given order."""
        return self.fit(pairs).tokens

    def fit(self, pairs: Sequence[Pair]) -> FittedTokens:
        """The tokens of the pairs and how much was truncated."""
        queries = tokenize_once(self.tokenize, [self.write_query(query) for query, _ in pairs])
        documents = tokenize_once(self.tokenize, [self.write_document(document) for _, document in pairs])
        n_query = np.minimum(queries.lengths, self.query_length)
        n_document = np.minimum(documents.lengths, self._room - n_query)
        tokens = join(
            [
                Specials(self.before).column(len(pairs)),
                Column(Spans(queries.ids, queries.starts, n_query), 0),
                Specials(self.separator).column(len(pairs)),
                Column(Spans(documents.ids, documents.starts, n_document), 0),
                Specials(self.after).column(len(pairs)),
            ]
        )
        document_read = np.maximum(n_document - self._n_around_document, 0)
        return FittedTokens(tokens, document_read, documents.lengths - n_document, queries.lengths - n_query)

    def read_characters(self, pair: Pair) -> tuple[int, int]:
        """The characters of the document that are read."""
        query, document = pair
        n_query = min(int(self.tokenize([self.write_query(query)]).lengths[0]), self.query_length)
        end = end_of_first(self.tokenize, self.write_document(document), self._room - n_query)
        return 0, min(max(end - self.write_document(_PLACE).find(_PLACE), 0), len(document))

    def for_windows(self) -> "PartedPromptTokenizer":
        """This one: every query leaves room for a part of the document."""
        return self

    @property
    def _room(self) -> int:
        """Tokens of query and document as the prompt puts them."""
        return self.max_length - len(self.before) - len(self.separator) - len(self.after)

    @property
    def _n_around_document(self) -> int:
        return int(self.tokenize([self.write_document("")]).lengths[0])
