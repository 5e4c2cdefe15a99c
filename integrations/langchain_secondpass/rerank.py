"""Reranking as a LangChain document compressor."""

from collections.abc import Sequence
from typing import TypedDict

from langchain_core.callbacks import Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.runnables import RunnableLambda

from secondpass.adapters.fields import RerankFields
from secondpass.ranking import arank, rank


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
    """Metadata key that takes the score, a float; replaces an older score of that name."""
    metadata_fields: tuple[str, ...] = ()
    """Metadata that is put in front of the text, where a document has it, each on a line of its own."""

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        """The most relevant documents, best first; equal scores keep the given order.

        Args:
            documents: The candidates; never changed.
            query: What is asked.
            callbacks: Get a child run of this step.

        Raises:
            InputTypeError: `query` is no string.
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

    def _rerank(self, given: RerankInput) -> list[Document]:
        query, documents = given["query"], given["documents"]
        texts = [self._text(document) for document in documents]
        ranking = rank(self._scorer, query, texts, top_k=self.top_n, score_threshold=self.score_threshold)
        return [self._scored(documents[place.index], place.score) for place in ranking]

    async def _arerank(self, given: RerankInput) -> list[Document]:
        query, documents = given["query"], given["documents"]
        texts = [self._text(document) for document in documents]
        ranking = await arank(self._scorer, query, texts, top_k=self.top_n, score_threshold=self.score_threshold)
        return [self._scored(documents[place.index], place.score) for place in ranking]

    def _text(self, document: Document) -> str:
        values = (document.metadata.get(name) for name in self.metadata_fields)
        return "\n".join([*(str(value) for value in values if value is not None), document.page_content])

    def _scored(self, document: Document, score: float) -> Document:
        return document.model_copy(update={"metadata": {**document.metadata, self.score_key: score}})
