"""What may be used as a scorer, and where not every scorer may be."""

import inspect
from collections.abc import Callable
from typing import Final, TypeGuard

from secondpass.arguments import describe, describe_apart
from secondpass.errors import InputError, InputTypeError
from secondpass.ranking.scorers import Scorer, is_pointwise

# What errors name as an example, by its whole name: other libraries have a class of the last part of it.
_SCORER: Final = "secondpass.CrossEncoder"


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
    method = getattr(value, "score", None)  # also where it is made up as it is asked for, as by a mock or a proxy
    if isinstance(value, type) or not callable(method):
        return False
    signature = _signature(method)
    try:
        return signature is None or signature.bind("", []) is not None
    except TypeError:
        return False


def check_pointwise(scorer: Scorer, why: str) -> None:
    """Raise InputError unless the scorer looks at each document by itself, as a `Cascade` does not.

    Args:
        scorer: What is to be used.
        why: Why no other will do, or what to do instead.
    """
    if not is_pointwise(scorer):
        raise InputError(
            f"scorer must score each document by itself, which a {type(scorer).__name__} does not, got "
            f"{describe(scorer)}; {why}"
        )


def check_raises_failures(scorer: Scorer) -> None:
    """Raise InputError where a scorer makes scores up for a call that failed: nothing tells them from others later."""
    policy = getattr(scorer, "on_failure", "raise")
    if policy == "keep_order":  # a mock answers something else
        raise InputError(
            'scorer must raise its failures, not score them: write RemoteScorer(..., on_failure="raise"), got '
            f"on_failure={policy!r}"
        )


def _signature(method: Callable[..., object]) -> inspect.Signature | None:
    """None where the method does not say, as one of a compiled class, or one that answers to any name."""
    # From Python 3.12 on a signature that can be called is: a proxy's would ask the other side.
    is_made_up = inspect.getattr_static(method, "__signature__", None) is None and hasattr(method, "__signature__")
    if is_made_up and not inspect.isroutine(method):
        return None
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
