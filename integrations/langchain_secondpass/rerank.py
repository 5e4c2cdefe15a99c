"""Reranking as a LangChain document compressor."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final, Self

from langchain_core.callbacks import Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.runnables import RunnableLambda
from pydantic import field_validator, model_validator
from typing_extensions import TypedDict  # pydantic, and LCEL with it, reads typing's own from Python 3.12 on only

from langchain_secondpass.migration import RERANKERS
from secondpass.adapters.fields import RerankFields
from secondpass.adapters.foreign_arguments import Readers
from secondpass.adapters.inputs import check_framework_documents
from secondpass.adapters.passages import PASSAGE, moved_by, own_passage, passage_metadata, passage_text
from secondpass.adapters.texts import text_with_metadata
from secondpass.arguments import check_names, describe
from secondpass.errors import InputError, InputTypeError
from secondpass.ranking import RankedDocument

# What text splitters write, if asked, of a part of a document: its first character in the whole one.
_START: Final = "start_index"


class RerankInput(TypedDict):
    """What `SecondPassRerank.as_runnable` takes."""

    query: str
    documents: Sequence[Document]


class SecondPassRerank(RerankFields, BaseDocumentCompressor):
    """Puts documents in the order in which a cross-encoder finds them relevant, best first.

    Documents come back as copies with their ids; the given ones are not changed. Where a document was not read at once,
    `metadata["passage"]` says where its best passage starts and ends, in characters of the given text, and the
    passage's own score. Works wherever a `BaseDocumentCompressor` does, such as `ContextualCompressionRetriever`. The
    model is loaded with the first document, shared within the process, and never part of a pickle or deepcopy. Safe to
    use from any number of threads and tasks.
    """

    score_key: str = "relevance_score"
    """Metadata key for the score, a float; replaces an older score of that name. Neither "passage" nor a field's."""
    metadata_fields: tuple[str, ...] = ()
    """Metadata to put in front of the text, where a document has it, one value per line."""

    _other_names: ClassVar[Readers] = RERANKERS

    @field_validator("score_key")
    @classmethod
    def _check_score_key(cls, value: str) -> str:
        if not value.strip():
            raise InputError(f"score_key must not be blank, got {value!r}")
        if value == PASSAGE:
            raise InputError(f"score_key must not be {PASSAGE!r}, which is the passage's, got {value!r}")
        return value

    @field_validator("metadata_fields", mode="before")
    @classmethod
    def _check_metadata_fields(cls, value: object) -> object:
        check_names("metadata_fields", value)
        return value

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        if self.score_key in self.metadata_fields:  # the score would take its place
            raise InputError(f"score_key must not be one of metadata_fields, got {self.score_key!r}")
        return self

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        """The most relevant documents, best first; equal scores keep the given order, unless a map made them equal.

        Args:
            documents: The candidates; never changed.
            query: What is asked.
            callbacks: Get a child run of this step.

        Raises:
            InputTypeError: `query` is not a string.
            SecondPassError: The model cannot be loaded, or gives no usable score.
        """
        return self.as_runnable().invoke({"query": query, "documents": documents}, {"callbacks": callbacks})

    async def acompress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        """What `compress_documents` gives, without blocking the event loop."""
        return await self.as_runnable().ainvoke({"query": query, "documents": documents}, {"callbacks": callbacks})

    def as_runnable(self) -> RunnableLambda[RerankInput, list[Document]]:
        """This step for LCEL: takes a query with its documents, gives the documents reranked.

        ```python
        {"query": RunnablePassthrough(), "documents": retriever} | reranker.as_runnable()
        ```
        """
        return RunnableLambda(self._rerank, self._arerank, name=type(self).__name__)

    def _rerank(self, step: RerankInput) -> list[Document]:
        query, documents = _check_input(step)
        texts = self._texts(documents)
        return self._results(documents, texts, self._rank(query, texts))

    async def _arerank(self, step: RerankInput) -> list[Document]:
        query, documents = _check_input(step)
        texts = self._texts(documents)
        return self._results(documents, texts, await self._arank(query, texts))

    def _texts(self, documents: list[Document]) -> list[str]:
        return [
            text_with_metadata(document.page_content, document.metadata, self.metadata_fields) for document in documents
        ]

    def _results(self, documents: list[Document], texts: list[str], ranking: list[RankedDocument]) -> list[Document]:
        return [self._result(documents[ranked.index], texts[ranked.index], ranked) for ranked in ranking]

    def _result(self, document: Document, text: str, ranked: RankedDocument) -> Document:
        """A copy of the document with its score, and with the best passage of a long one."""
        content = document.page_content
        passage = own_passage(ranked.passage, content, start=len(text) - len(content))
        metadata = {**document.metadata, self.score_key: ranked.score}
        if passage is not None:
            metadata[PASSAGE] = passage_metadata(passage)
            if self.return_passages:
                content = passage_text(passage, content)
                if _START in metadata:
                    metadata[_START] = moved_by(metadata[_START], passage)
        return document.model_copy(update={"page_content": content, "metadata": metadata})


def _check_input(step: object) -> tuple[str, list[Document]]:
    """Query and documents; raise InputTypeError unless both are there, and the documents are documents."""
    if not isinstance(step, Mapping) or not {"query", "documents"} <= step.keys():
        raise InputTypeError(f'input must be a dict with "query" and "documents", got {describe(step)}')
    instead = "write Document(page_content=...)"
    return step["query"], check_framework_documents(step["documents"], Document, name="documents", instead=instead)
