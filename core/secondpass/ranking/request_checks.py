"""What a ranking request may hold."""

import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sized
from collections.abc import Set as AbstractSet
from typing import Final, TypeGuard

from secondpass.arguments import check_count, check_number, describe, describe_apart, items_of
from secondpass.errors import InputError, InputTypeError
from secondpass.ranking.scorers import Pair, Scorer

# What errors name as an example, by its whole name: other libraries have a class of the last part of it.
_SCORER: Final = "secondpass.CrossEncoder"


def check_request(query: object, documents: object, top_k: object, score_threshold: object) -> list[str]:
    """The documents as a new list; raise InputError unless every argument of `rank` keeps its rule."""
    check_query(query)
    texts = check_documents(documents)
    check_top_k(top_k)
    check_score_threshold(score_threshold)
    return texts


def check_scorer(scorer: object, name: str = "scorer") -> Scorer:
    """The scorer; raise InputTypeError unless it is one."""
    if is_scorer(scorer):
        return scorer
    raise InputTypeError(
        f"{name} must be an object with a method score(query, documents), such as a {_SCORER}, got "
        f"{_describe_no_scorer(scorer)}"
    )


def is_scorer(value: object) -> TypeGuard[Scorer]:
    """Whether it has a method `score` that takes a query and documents.

    A class has the method too, but nothing to call it on; and in LangChain an object has one of this name for pairs.
    """
    if isinstance(value, type) or not isinstance(value, Scorer) or not callable(value.score):
        return False
    signature = _signature(value.score)
    try:
        return signature is None or signature.bind("", []) is not None
    except TypeError:
        return False


def _signature(method: Callable[..., object]) -> inspect.Signature | None:
    """None where the method does not say, as one of a compiled class."""
    try:
        return inspect.signature(method)
    except (TypeError, ValueError):
        return None


def _describe_no_scorer(value: object) -> str:
    if isinstance(value, type):
        return f"the class {value.__name__}"
    text = describe_apart(value, "CrossEncoder")
    if type(value).__name__ == "CrossEncoder":  # sentence-transformers', or the one here that stands in for it
        return f"{text}: load the model as {_SCORER}(name)"
    method = getattr(value, "score", None)
    signature = _signature(method) if callable(method) else None
    return text if signature is None else f"{text}, which has score({', '.join(signature.parameters)})"


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


def check_top_k(top_k: object, name: str = "top_k") -> None:
    """Raise InputError unless `top_k` is None or an integer of at least 1; `name` is what the caller calls it."""
    check_count(name, top_k)


def check_score_threshold(score_threshold: object) -> None:
    """Raise InputError unless `score_threshold` is None or a number other than NaN."""
    threshold = check_number("score_threshold", score_threshold)
    if threshold is not None and math.isnan(threshold):
        raise InputError("score_threshold must be a number, got NaN")
