"""What a cross-encoder reads of a document."""

from collections.abc import Sequence
from dataclasses import dataclass

from haystack import Document

from secondpass.adapters.texts import text_with_metadata
from secondpass.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """What stands around a document's content.

    Args:
        prefix: In front of all.
        suffix: Behind all.
        meta_fields: Metadata in front of the content, where a document has it.
        separator: Between metadata and content.
    """

    prefix: str
    suffix: str
    meta_fields: Sequence[str]
    separator: str

    def fill(self, document: Document) -> str:
        """What is read of the document.

        Raises:
            InputError: It has a blob and no text of its own: all such documents would score the same, or by their
                metadata, and push out documents that were read.
        """
        text = text_with_metadata(content_of(document), document.meta, self.meta_fields, separator=self.separator)
        if document.blob is not None and not content_of(document).strip():
            raise InputError(
                f"document must have text beside its blob to be reranked, got Document {document.id} without any: "
                "give it a caption, or keep it away from the reranker"
            )
        return self.prefix + text + self.suffix

    def start_of_content(self, document: Document, text: str) -> int:
        """Where the content begins in what is read of the document."""
        return len(text) - len(self.suffix) - len(content_of(document))


def content_of(document: Document) -> str:
    """The document's own text; a document without content has none."""
    return "" if document.content is None else document.content
