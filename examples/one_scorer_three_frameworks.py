"""The same candidates and the same model through all three frameworks: the same order and scores.

pip install ".[langchain,llama-index,haystack]" bm25s
python examples/one_scorer_three_frameworks.py --query "when are tides highest"
"""

import bm25s
from corpus import arguments, texts
from haystack import Document as HaystackDocument
from langchain_core.documents import Document as LangChainDocument
from llama_index.core.schema import NodeWithScore, TextNode

import langchain_secondpass
import llama_index_secondpass
from haystack_integrations.components.rankers.secondpass import SecondPassRanker
from secondpass import CrossEncoder, Scorer

Ranking = list[tuple[str, float]]


def candidates(query: str, corpus: list[str], k: int) -> list[str]:
    """What BM25 finds."""
    index = bm25s.BM25()
    index.index(bm25s.tokenize(corpus, show_progress=False), show_progress=False)
    words = bm25s.tokenize(query, show_progress=False)
    hits, _ = index.retrieve(words, corpus, k=min(k, len(corpus)), show_progress=False)
    return list(hits[0])


def with_langchain(scorer: Scorer, query: str, corpus: list[str], top_n: int) -> Ranking:
    """Documents through a compressor."""
    reranker = langchain_secondpass.SecondPassRerank(scorer=scorer, top_n=top_n)
    documents = reranker.compress_documents([LangChainDocument(page_content=text) for text in corpus], query)
    return [(document.page_content, document.metadata["relevance_score"]) for document in documents]


def with_llama_index(scorer: Scorer, query: str, corpus: list[str], top_n: int) -> Ranking:
    """Nodes through a postprocessor."""
    reranker = llama_index_secondpass.SecondPassRerank(scorer=scorer, top_n=top_n)
    nodes = reranker.postprocess_nodes([NodeWithScore(node=TextNode(text=text)) for text in corpus], query_str=query)
    return [(node.text, node.get_score()) for node in nodes]


def with_haystack(scorer: Scorer, query: str, corpus: list[str], top_n: int) -> Ranking:
    """Documents through a ranker; Haystack's habit of scaling scores is switched off."""
    ranker = SecondPassRanker(scorer=scorer, top_k=top_n, scale_score=False)
    documents = ranker.run(query, [HaystackDocument(content=text) for text in corpus])["documents"]
    return [(document.content or "", document.score or 0.0) for document in documents]


def main() -> None:
    """Rank three times and print side by side."""
    options = arguments(__doc__)
    # Haystack would take repeated texts for a single document, because ids come from content; the others would not.
    corpus = list(dict.fromkeys(texts(options.documents)))
    retrieved = candidates(options.query, corpus, options.candidates)

    model = CrossEncoder(options.model)
    rankings = [
        rerank(model, options.query, retrieved, options.top_n)
        for rerank in (with_langchain, with_llama_index, with_haystack)
    ]
    print(f"{'LangChain':>12}{'LlamaIndex':>12}{'Haystack':>12}  text")
    for row in zip(*rankings, strict=True):
        print("".join(f"{score:12.6f}" for _, score in row) + f"  {row[0][0][:80]}")
    print(f"identical: {rankings[0] == rankings[1] == rankings[2]}")


if __name__ == "__main__":
    main()
