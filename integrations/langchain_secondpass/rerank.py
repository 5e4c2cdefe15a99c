"""Reranking as a LangChain document compressor."""

from collections.abc import Sequence
from typing import TypedDict

from langchain_core.callbacks import Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.runnables import RunnableLambda

from secondpass.adapters.fields import RerankFields
from secondpass.adapters.texts import text_with_metadata
from secondpass.ranking import RankedDocument


class RerankInput(TypedDict):
    """What `SecondPassRerank.as_runnable` takes."""

    query: str
    documents: Sequence[Document]


class SecondPassRerank(RerankFields, BaseDocumentCompressor):
    """Puts documents in the order in which a cross-encoder finds them relevant, best first.

    Documents come back as copies with their ids; the given ones are not changed. Works wherever a
    `BaseDocumentCompressor` does, such as `ContextualCompressionRetriever`. The model is loaded with the first
    document, shared within the process, and never part of a pickle or deepcopy. Safe to use from any number of threads
    and tasks.
    """

    score_key: str = "relevance_score"
    """Metadata key for the score, a float; replaces an older score of that name."""
    metadata_fields: tuple[str, ...] = ()
    """Metadata to put in front of the text, where a document has it, one value per line."""

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        """The most relevant documents, best first; equal scores keep the given order.

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
        return self._scored(step, self._rank(step["query"], self._texts(step)))

    async def _arerank(self, step: RerankInput) -> list[Document]:
        return self._scored(step, await self._arank(step["query"], self._texts(step)))

    def _texts(self, step: RerankInput) -> list[str]:
        return [
            text_with_metadata(document.page_content, document.metadata, self.metadata_fields)
            for document in step["documents"]
        ]

    def _scored(self, step: RerankInput, ranking: list[RankedDocument]) -> list[Document]:
        return [self._with_score(step["documents"][ranked.index], ranked.score) for ranked in ranking]

    def _with_score(self, document: Document, score: float) -> Document:
        return document.model_copy(update={"metadata": {**document.metadata, self.score_key: score}})
