"""Retrieve with BM25, take a second pass, and put what is left into a prompt: the whole chain in LangChain.

pip install ".[langchain]" bm25s
python examples/langchain_rag.py --query "when are tides highest"
"""

import bm25s
from corpus import arguments, texts
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.prompts import PromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnablePassthrough
from pydantic import PrivateAttr

from langchain_secondpass import SecondPassRerank

PROMPT = PromptTemplate.from_template("Answer from these sources.\n\n{sources}\n\nQuestion: {question}")


class BM25Retriever(BaseRetriever):
    """Finds documents by their words."""

    documents: list[Document]
    k: int
    _index: bm25s.BM25 = PrivateAttr()

    def model_post_init(self, _: object) -> None:
        """Index the documents."""
        self._index = bm25s.BM25()
        words = bm25s.tokenize([document.page_content for document in self.documents], show_progress=False)
        self._index.index(words, show_progress=False)

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:  # noqa: ARG002 - LangChain's
        words = bm25s.tokenize(query, show_progress=False)
        hits, _ = self._index.retrieve(words, self.documents, k=min(self.k, len(self.documents)), show_progress=False)
        return list(hits[0])


def sources(documents: list[Document]) -> str:
    """Numbered texts."""
    return "\n\n".join(f"[{number}] {document.page_content}" for number, document in enumerate(documents, start=1))


def main() -> None:
    """Build the chain and ask it."""
    options = arguments(__doc__)
    documents = [Document(id=str(number), page_content=text) for number, text in enumerate(texts(options.documents))]

    retriever = BM25Retriever(documents=documents, k=options.candidates)
    reranker = SecondPassRerank(model=options.model, top_n=options.top_n)
    reranked = {"query": RunnablePassthrough(), "documents": retriever} | reranker.as_runnable()

    for document in reranked.invoke(options.query):
        print(f"{document.metadata['relevance_score']:8.3f}  {document.page_content[:90]}")

    chain = {"sources": reranked | sources, "question": RunnablePassthrough()} | PROMPT  # | your chat model
    print("\n" + chain.invoke(options.query).to_string())


if __name__ == "__main__":
    main()
