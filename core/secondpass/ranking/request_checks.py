"""What a ranking request may hold."""

import math
from collections.abc import Iterable, Mapping, Sized
from collections.abc import Set as AbstractSet

from secondpass.arguments import check_count, check_number, describe, items_of
from secondpass.errors import InputError, InputTypeError
from secondpass.ranking.scorers import Pair


def check_request(query: object, documents: object, top_k: object, score_threshold: object) -> list[str]:
    """The documents as a new list; raise InputError unless every argument of `rank` keeps its rule."""
    check_query(query)
    texts = check_documents(documents)
    check_count("top_k", top_k)
    check_score_threshold(score_threshold)
    return texts


def check_query(query: object) -> None:
    """Raise InputTypeError unless `query` is a string."""
    if not isinstance(query, str):
        raise InputTypeError(f"query must be a string, got {describe(query)}")


def check_document(document: object) -> None:
    """Raise InputTypeError unless `document` is a string."""
    if not isinstance(document, str):
        raise InputTypeError(f"document must be a string, got {describe(document)}")


def check_documents(documents: object) -> list[str]:
    """The documents as a new list; raise InputTypeError unless they are an ordered collection of strings."""
    if isinstance(documents, str | bytes):
        raise InputTypeError(f"documents must be a list of strings, got one string: {describe(documents)}")
    items = None if isinstance(documents, Mapping | AbstractSet) else items_of(documents)
    if items is None:
        raise InputTypeError(f"documents must be a list of strings, got {describe(documents)}")
    texts: list[str] = []
    for index, text in enumerate(items):
        if not isinstance(text, str):
            raise InputTypeError(f"documents[{index}] must be a string, got {describe(text)}")
        texts.append(text)
    return texts


def check_pairs(pairs: object, name: str = "pairs") -> Iterable[Pair]:
    """The same pairs as tuples; those of a list are checked at once, those of a stream when they are read.

    Args:
        pairs: (query, document) tuples or lists.
        name: What the caller calls them.

    Raises:
        InputTypeError: Something is not a pair of strings.
    """
    items = None if isinstance(pairs, str | bytes) else items_of(pairs)
    if items is None:
        raise InputTypeError(f"{name} must be (query, document) pairs, got {describe(pairs)}")
    checked = (_check_pair(f"{name}[{index}]", pair) for index, pair in enumerate(items))
    return list(checked) if isinstance(pairs, Sized) else checked


def _check_pair(name: str, pair: object) -> Pair:
    if isinstance(pair, tuple | list) and len(pair) == 2 and all(isinstance(text, str) for text in pair):  # noqa: PLR2004 - a pair
        return pair[0], pair[1]
    raise InputTypeError(f"{name} must be a (query, document) pair of strings, got {describe(pair)}")


def check_score_threshold(score_threshold: object) -> None:
    """Raise InputError unless `score_threshold` is None or a number other than NaN."""
    threshold = check_number("score_threshold", score_threshold)
    if threshold is not None and math.isnan(threshold):
        raise InputError("score_threshold must be a number, got NaN")
