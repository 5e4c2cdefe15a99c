"""Retrieve with BM25, take a second pass, and answer: a query engine of LlamaIndex, with a mock for the LLM.

pip install ".[llama-index]" bm25s
python examples/llama_index_rag.py --query "when are tides highest"
python examples/llama_index_rag.py --query "who won the world cup" --score-threshold 0  # nothing is left
"""

import bm25s
from corpus import arguments, texts
from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from llama_index_secondpass import SecondPassRerank


class BM25Retriever(BaseRetriever):
    """Finds nodes by their words."""

    def __init__(self, nodes: list[TextNode], k: int) -> None:
        super().__init__()
        self._nodes = nodes
        self._k = min(k, len(nodes))
        self._index = bm25s.BM25()
        self._index.index(bm25s.tokenize([node.text for node in nodes], show_progress=False), show_progress=False)

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        words = bm25s.tokenize(query_bundle.query_str, show_progress=False)
        hits, scores = self._index.retrieve(words, self._nodes, k=self._k, show_progress=False)
        return [NodeWithScore(node=node, score=float(score)) for node, score in zip(hits[0], scores[0], strict=True)]


def main() -> None:
    """Build the query engine and ask it."""
    options = arguments(__doc__)
    nodes = [TextNode(id_=str(number), text=text) for number, text in enumerate(texts(options.documents))]

    engine = RetrieverQueryEngine.from_args(
        BM25Retriever(nodes, options.candidates),
        llm=MockLLM(),
        node_postprocessors=[
            SecondPassRerank(
                model=options.model,
                top_n=options.top_n,
                score_threshold=options.score_threshold,
                keep_retrieval_score=True,
            )
        ],
    )
    response = engine.query(options.query)
    for node in response.source_nodes:
        print(f"{node.score:8.3f}  (BM25 {node.metadata['retrieval_score']:6.3f})  {node.text[:90]}")
    # Without a source LlamaIndex asks no language model: its response is "Empty Response".
    print(f"\n{response if response.source_nodes else 'I do not know.'}")


if __name__ == "__main__":
    main()
