"""Haystack's rule for documents of the same id."""

import math
from collections.abc import Iterable

from haystack import Document


def deduplicate(documents: Iterable[Document]) -> list[Document]:
    """One document of each id, in order of first appearance; of several, the one with the highest score so far."""
    best: dict[str, Document] = {}
    for document in documents:
        rival = best.get(document.id)
        if rival is None or _score(document) > _score(rival):
            best[document.id] = document
    return list(best.values())


def _score(document: Document) -> float:
    return -math.inf if document.score is None else document.score
