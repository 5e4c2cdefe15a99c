"""What takes part in a ranking: Haystack's documents, those of the same id once."""

import math
from collections.abc import Sequence

from haystack import Document

from secondpass.adapters.inputs import check_framework_documents


def check_candidates(documents: object) -> list[Document]:
    """The documents as a new list; raise InputTypeError unless they are a list of documents."""
    return check_framework_documents(documents, Document, name="documents", instead="write Document(content=...)")


def deduplicate(documents: Sequence[Document]) -> list[int]:
    """Where one document of each id stands, by first appearance; of several, the one with the highest score so far.

    No score is lower than any, and so is NaN.
    """
    best: dict[str, int] = {}
    for place, document in enumerate(documents):
        rival = best.get(document.id)
        if rival is None or _score(document) > _score(documents[rival]):
            best[document.id] = place
    return list(best.values())


def _score(document: Document) -> float:
    return -math.inf if document.score is None or math.isnan(document.score) else document.score
