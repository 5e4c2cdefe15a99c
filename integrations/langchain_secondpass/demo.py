"""What `secondpass demo` calls to show LangChain at work."""

from collections.abc import Sequence

from langchain_core.documents import Document

from langchain_secondpass.rerank import SecondPassRerank
from secondpass.ranking import Scorer


def rerank(scorer: Scorer, query: str, texts: Sequence[str], top_k: int) -> list[str]:
    """The best texts in LangChain's order, best first."""
    documents = [Document(page_content=text) for text in texts]
    reranked = SecondPassRerank(scorer=scorer, top_n=top_k).compress_documents(documents, query)
    return [document.page_content for document in reranked]
