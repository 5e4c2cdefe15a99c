"""What `secondpass demo` calls to show Haystack at work."""

from collections.abc import Sequence

from haystack import Document

from haystack_integrations.components.rankers.secondpass.ranker import SecondPassRanker
from secondpass.ranking import Scorer


def rerank(scorer: Scorer, query: str, texts: Sequence[str], top_k: int) -> list[str]:
    """The best texts in Haystack's order, best first."""
    documents = [Document(content=text) for text in texts]
    reranked = SecondPassRanker(scorer=scorer, top_k=top_k).run(query=query, documents=documents)["documents"]
    return [document.content or "" for document in reranked]
