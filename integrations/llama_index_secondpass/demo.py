"""What `secondpass demo` calls to show LlamaIndex at work."""

from collections.abc import Sequence

from llama_index.core.schema import NodeWithScore, TextNode

from llama_index_secondpass.rerank import SecondPassRerank
from secondpass.ranking import Scorer


def rerank(scorer: Scorer, query: str, texts: Sequence[str], top_k: int) -> list[str]:
    """The best texts in LlamaIndex's order, best first."""
    nodes = [NodeWithScore(node=TextNode(text=text)) for text in texts]
    reranked = SecondPassRerank(scorer=scorer, top_n=top_k).postprocess_nodes(nodes, query_str=query)
    return [node.get_content() for node in reranked]
