"""Retrieve with BM25, take a second pass, and answer from what is left: the whole chain in LangChain.

pip install ".[langchain]" bm25s
python examples/langchain_rag.py --query "when are tides highest"
python examples/langchain_rag.py --query "who won the world cup" --score-threshold 0  # nothing is left
"""

import bm25s
from corpus import answer, arguments, texts
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.prompt_values import PromptValue
from langchain_core.prompts import PromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnablePassthrough
from pydantic import PrivateAttr

from langchain_secondpass import SecondPassRerank

PROMPT = PromptTemplate.from_template(
    "Answer from these sources. If there are none, say that you do not know.\n\n{sources}\n\nQuestion: {question}"
)


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


def language_model(prompt: PromptValue) -> str:
    """Your chat model."""
    return answer(prompt.to_string())


def main() -> None:
    """Build the chain and ask it."""
    options = arguments(__doc__)
    documents = [Document(id=str(number), page_content=text) for number, text in enumerate(texts(options.documents))]

    retriever = BM25Retriever(documents=documents, k=options.candidates)
    reranker = SecondPassRerank(model=options.model, top_n=options.top_n, score_threshold=options.score_threshold)
    reranked = {"query": RunnablePassthrough(), "documents": retriever} | reranker.as_runnable()

    for document in reranked.invoke(options.query):
        print(f"{document.metadata['relevance_score']:8.3f}  {document.page_content[:90]}")

    prompt = {"sources": reranked | sources, "question": RunnablePassthrough()} | PROMPT
    print("\n" + prompt.invoke(options.query).to_string())
    chain = prompt | language_model
    print("\n" + chain.invoke(options.query))


if __name__ == "__main__":
    main()
