"""What happens to Haystack documents before they are scored: duplicates go, metadata joins the text."""

import math
from collections.abc import Iterable, Sequence

from haystack import Document


def deduplicated(documents: Iterable[Document]) -> list[Document]:
    """One document of each id, in order of first appearance; of several, the one with the highest score so far."""
    best: dict[str, Document] = {}
    for document in documents:
        rival = best.get(document.id)
        if rival is None or _score(document) > _score(rival):
            best[document.id] = document
    return list(best.values())


def text_of(document: Document, meta_fields: Sequence[str], separator: str) -> str:
    """The document's metadata of these names, then its content; no content counts as ""."""
    values = (document.meta.get(field) for field in meta_fields)
    # "is not None": 0 and False are values.
    return separator.join([*(str(value) for value in values if value is not None), document.content or ""])


def _score(document: Document) -> float:
    return -math.inf if document.score is None else document.score
