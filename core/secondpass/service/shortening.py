"""Limits of tokens that a request sets for its own texts, below what the model would read."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

from secondpass.ranking import Pair
from secondpass.service.estimates import BYTES_PER_TOKEN, SPECIAL_TOKENS, text_tokens
from secondpass.service.problems import invalid
from secondpass.service.readings import Reading
from secondpass.service.rerank_request import RerankRequest, ScoreRequest
from secondpass.service.served_model import ServedModel


@runtime_checkable
class _Shortener(Protocol):
    """A scorer that knows where a text's tokens end."""

    def shorten(self, text: str, max_tokens: int) -> str:
        """The beginning of a text, of at most so many tokens."""
        ...


def pairs_to_read(request: RerankRequest | ScoreRequest, model: ServedModel) -> tuple[list[Pair], list[bool]]:
    """The pairs as the model is to read them, and whether a document had to be shortened for that.

    Where the model cannot say where tokens end, they are estimated: the limits of these APIs count the tokens of
    another vendor's model, and are no exact measure for this one.

    Raises:
        Problem: A query leaves no room for a document.
    """
    pairs = list(request.pairs)
    room = [_room(request, model, query) for query, _ in pairs]
    documents = [
        document if most is None else _shorten(model, document, most)
        for (_, document), most in zip(pairs, room, strict=True)
    ]
    shortened = [len(read) < len(document) for read, (_, document) in zip(documents, pairs, strict=True)]
    return [(query, document) for (query, _), document in zip(pairs, documents, strict=True)], shortened


def mark_shortened(readings: Sequence[Reading], shortened: Sequence[bool]) -> list[Reading]:
    """The readings; of a document that was shortened, a part was not read."""
    return [
        replace(reading, truncated=True) if is_short else reading
        for reading, is_short in zip(readings, shortened, strict=True)
    ]


def _room(request: RerankRequest | ScoreRequest, model: ServedModel, query: str) -> int | None:
    """The most tokens of a document beside this query; None where the model's own limit is what counts."""
    limits = []
    most = request.max_document_tokens if isinstance(request, RerankRequest) else None
    if most is not None and _matters(most, model):
        limits.append(most)
    most = request.max_pair_tokens
    if most is not None and _matters(most, model):
        left = most - text_tokens(query) - SPECIAL_TOKENS
        if left < 1:
            raise invalid(
                f"truncate_prompt_tokens must leave room for a document beside the query, got {most}",
                "truncate_prompt_tokens",
            )
        limits.append(left)
    return min(limits, default=None)


def _matters(n_tokens: int, model: ServedModel) -> bool:
    """Whether a limit of so many tokens is below what the model reads anyway."""
    return model.most_tokens is None or n_tokens < model.most_tokens


def _shorten(model: ServedModel, text: str, max_tokens: int) -> str:
    encoded = text.encode()
    if len(encoded) <= max_tokens:  # no vocabulary has tokens of less than a byte
        return text
    if isinstance(model.scorer, _Shortener):
        return model.scorer.shorten(text, max_tokens)
    return encoded[: max_tokens * BYTES_PER_TOKEN].decode(errors="ignore")
