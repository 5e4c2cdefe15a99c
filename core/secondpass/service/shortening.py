"""Limits of tokens that a request sets for its own texts, below what the model would read."""

from collections.abc import Sequence
from dataclasses import replace

from secondpass.ranking import Pair
from secondpass.ranking.readings import Reading
from secondpass.service.estimates import BYTES_PER_TOKEN, SPECIAL_TOKENS, most_text_tokens, text_tokens
from secondpass.service.problems import invalid
from secondpass.service.requests import RequestOptions, RerankRequest, ScoreRequest
from secondpass.service.served_model import ServedModel


def pairs_to_read(request: RerankRequest | ScoreRequest, model: ServedModel) -> tuple[list[Pair], list[bool]]:
    """The pairs as the model is to read them, and whether a text of a pair had to be shortened for that.

    Tokens are estimated: the limits of these APIs mostly count those of another model, and are no exact measure for
    this one.

    Raises:
        Problem: A query leaves no room for a document, or what is too long must not be truncated.
    """
    options, pairs = request.options, request.pairs
    # Once for each query, which may be long and mostly is the same one.
    most_of_query = _limit(options.max_query_tokens, model)
    queries = {query: _beginning(query, most_of_query) for query in {query for query, _ in pairs}}
    room = {query: _room(options, model, read) for query, read in queries.items()}
    to_read = [(queries[query], _beginning(document, room[query])) for query, document in pairs]
    shortened = [_size(read) < _size(pair) for read, pair in zip(to_read, pairs, strict=True)]
    if any(shortened) and not options.truncate:
        place = request.document_place.format(index=shortened.index(True))
        limits = _set_limits(options)
        raise invalid(f"{place} and the query have more tokens than {limits} allows: raise it, or truncate", place)
    return to_read, shortened


def mark_shortened(readings: Sequence[Reading], shortened: Sequence[bool]) -> list[Reading]:
    """The readings; of a pair that was shortened, a part was not read."""
    return [
        replace(reading, truncated=True) if is_short else reading
        for reading, is_short in zip(readings, shortened, strict=True)
    ]


def _room(options: RequestOptions, model: ServedModel, query: str) -> int | None:
    """The most tokens of a document beside this query; None where the model's own limit is what counts."""
    most, most_of_pair = _limit(options.max_document_tokens, model), _limit(options.max_pair_tokens, model)
    if most_of_pair is None:
        return most
    left = most_of_pair - text_tokens(query) - SPECIAL_TOKENS
    if left < 1:
        raise invalid(
            f"truncate_prompt_tokens must leave room for a document beside the query, got {most_of_pair}",
            "truncate_prompt_tokens",
        )
    return left if most is None else min(most, left)


def _set_limits(options: RequestOptions) -> str:
    """The fields in which a request sets limits."""
    limits = {
        "max_tokens_per_query": options.max_query_tokens,
        "max_tokens_per_doc": options.max_document_tokens,
        "truncate_prompt_tokens": options.max_pair_tokens,
    }
    return " or ".join(name for name, limit in limits.items() if limit is not None)


def _limit(n_tokens: int | None, model: ServedModel) -> int | None:
    """A limit of tokens; None unless it is below what the model reads anyway."""
    is_beyond = n_tokens is not None and model.most_tokens is not None and n_tokens >= model.most_tokens
    return None if is_beyond else n_tokens


def _beginning(text: str, max_tokens: int | None) -> str:
    """The beginning of a text, of about so many tokens at most."""
    if max_tokens is None or most_text_tokens(text) <= max_tokens:
        return text
    return text.encode()[: max_tokens * BYTES_PER_TOKEN].decode(errors="ignore")


def _size(pair: Pair) -> int:
    return len(pair[0]) + len(pair[1])
