"""Copies of documents with a passage: where it stands, and in place of the content."""

import dataclasses
from typing import Any, Final

from haystack import Document

from secondpass.adapters.passages import PASSAGE, moved_by, passage_metadata, passage_text
from secondpass.ranking import Passage

# What Haystack's splitters write of a part of a document: the whole one's id, and the part's first character in it.
_SOURCE_ID: Final = "source_id"
_START: Final = "split_idx_start"


def with_passage(document: Document, passage: Passage) -> Document:
    """A copy of the document that says where its best passage is."""
    return dataclasses.replace(document, meta={**document.meta, PASSAGE: passage_metadata(passage)})


def passage_of(document: Document, passage: Passage) -> Document:
    """A copy of the document with the passage as its content, and without embeddings, which are of the whole content.

    It keeps the id, which Haystack would make anew for another content, and the metadata: the id of a source and the
    place in it as a splitter wrote them, or else the document's own id as that of the source.
    """
    meta: dict[str, Any] = {_SOURCE_ID: document.id, **document.meta, PASSAGE: passage_metadata(passage)}
    if _START in meta:
        meta[_START] = moved_by(meta[_START], passage)
    return dataclasses.replace(
        document,
        id=document.id,
        content=passage_text(passage, document.content or ""),
        meta=meta,
        embedding=None,
        sparse_embedding=None,
    )
