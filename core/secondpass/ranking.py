"""Scores become an order: the `Scorer` seam, threshold, top_k and ties."""

import math
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from secondpass.errors import InputError, InputTypeError, ScoringError


@runtime_checkable
class Scorer(Protocol):
    """Anything that scores documents against a query: a local model, a remote service, a fake in a test."""

    def score(self, query: str, documents: Sequence[str]) -> Sequence[float] | NDArray[np.float32]:
        """One score a document, in the given order; higher means more relevant."""
        ...


@dataclass(frozen=True, slots=True)
class RankedDocument:
    """A document in its place.

    Args:
        index: Where it stood in the given documents.
        score: Its relevance; the unit is the scorer's (for most checkpoints a logit, unbounded).
        text: The document itself.
    """

    index: int
    score: float
    text: str


def rank(
    scorer: Scorer,
    query: str,
    documents: Iterable[str],
    *,
    top_k: int | None = None,
    score_threshold: float | None = None,
) -> list[RankedDocument]:
    """The documents, best first; equal scores keep the given order.

    Args:
        scorer: Gives the scores; not called when there are no documents.
        query: What is asked.
        documents: The candidates' texts; never changed.
        top_k: Keep at most this many, at least 1; None keeps all.
        score_threshold: Keep scores of at least this much, in the scorer's unit; applied before top_k.

    Raises:
        InputError: An argument breaks a rule.
        ScoringError: The scorer gave NaN or not one score a document.
    """
    texts = check_request(query, documents, top_k, score_threshold)
    if not texts:
        return []
    return ranked(scorer.score(query, texts), texts, top_k=top_k, score_threshold=score_threshold)


def ranked(
    scores: Sequence[float] | NDArray[np.float32],
    documents: Sequence[str],
    *,
    top_k: int | None = None,
    score_threshold: float | None = None,
) -> list[RankedDocument]:
    """Already scored documents, best first; see `rank` for arguments and errors."""
    values = check_scores(scores, len(documents))
    order = np.argsort(-values, kind="stable")
    if score_threshold is not None:
        order = order[values[order] >= score_threshold]
    return [RankedDocument(int(i), float(values[i]), documents[i]) for i in order[:top_k]]


def check_request(query: object, documents: object, top_k: object, score_threshold: object) -> list[str]:
    """The documents as a new list; raise InputError unless every argument of `rank` keeps its rule."""
    check_query(query)
    texts = check_documents(documents)
    check_top_k(top_k)
    check_score_threshold(score_threshold)
    return texts


def check_query(query: object) -> None:
    """Raise InputTypeError unless `query` is a string."""
    if not isinstance(query, str):
        raise InputTypeError(f"query must be a string, got {shown(query)}")


def check_documents(documents: object) -> list[str]:
    """The documents as a new list; raise InputTypeError unless they are an ordered collection of strings."""
    if isinstance(documents, str | bytes):
        raise InputTypeError(f"documents must be a list of strings, got one string: {shown(documents)}")
    if not isinstance(documents, Iterable) or isinstance(documents, Mapping | AbstractSet):
        raise InputTypeError(f"documents must be a list of strings, got {shown(documents)}")
    texts = list(documents)
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            raise InputTypeError(f"documents[{index}] must be a string, got {shown(text)}")
    return texts


def check_top_k(top_k: object, name: str = "top_k") -> None:
    """Raise InputError unless `top_k` is None or an integer of at least 1; `name` is what the caller calls it."""
    if top_k is None:
        return
    if isinstance(top_k, bool) or not isinstance(top_k, int | np.integer):
        raise InputTypeError(f"{name} must be an integer or None, got {shown(top_k)}")
    if top_k < 1:
        raise InputError(f"{name} must be at least 1, got {top_k}")


def check_score_threshold(score_threshold: object) -> None:
    """Raise InputError unless `score_threshold` is None or a number other than NaN."""
    if score_threshold is None:
        return
    if isinstance(score_threshold, bool) or not isinstance(score_threshold, int | float | np.number):
        raise InputTypeError(f"score_threshold must be a number or None, got {shown(score_threshold)}")
    if math.isnan(float(score_threshold)):
        raise InputError("score_threshold must be a number, got NaN")


def check_scores(scores: Sequence[float] | NDArray[np.float32], n_documents: int) -> NDArray[np.float64]:
    """The scores as numbers of double precision; raise ScoringError unless each document has one that is not NaN."""
    values = np.asarray(scores, dtype=np.float64)
    if values.shape != (n_documents,):
        raise ScoringError(
            f"a scorer must give one score a document, got shape {values.shape} for {n_documents} documents"
        )
    if np.isnan(values).any():
        raise ScoringError(f"scores must be numbers, got NaN for document {int(np.isnan(values).argmax())}")
    return values


def shown(value: object) -> str:
    """A value as an error shows it: its type, and a short repr."""
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"  # noqa: PLR2004 - one line
