"""The requests that clients of each API were seen to send, of a service that calls its model `overlap`."""

from collections.abc import Mapping

QUERY, DOCUMENTS = "red fox", ["a red fox", "a dog", "the fox"]
# Shares of the query's words, and their sigmoids.
RAW = [1.0, 0.0, 0.5]
SCORES = [0.7310585786300049, 0.5, 0.6224593312018546]

TEI: Mapping[str, object] = {"query": QUERY, "texts": DOCUMENTS}
DOCS: Mapping[str, object] = {"query": QUERY, "documents": DOCUMENTS}
MODEL: Mapping[str, object] = {**DOCS, "model": "overlap"}

# Client -> where it asks, what it sends, how many answers it wants, and how it wants the documents back.
LISTS: dict[str, tuple[str, Mapping[str, object], int, bool]] = {
    "LlamaIndex TextEmbeddingInference": ("/rerank", TEI, 3, False),
    "Haystack HuggingFaceTEIRanker": ("/rerank", {**TEI, "raw_scores": False}, 3, False),
    "Haystack HuggingFaceTEIRanker, direction": ("/rerank", {**TEI, "truncation_direction": "Right"}, 3, False),
    "LiteLLM huggingface": (
        "/rerank",
        {**TEI, "raw_scores": False, "truncation_direction": "Right", "top_n": 2, "return_text": True},
        2,
        True,
    ),
    "texts at /v1": ("/v1/rerank", TEI, 3, False),
    "texts at /v2": ("/v2/rerank", {**TEI, "documents": None}, 3, False),
}
RESULTS: dict[str, tuple[str, Mapping[str, object], int, str | None]] = {
    "cohere.ClientV2": ("/v2/rerank", {**MODEL, "top_n": 2}, 2, None),
    "cohere.Client": ("/v1/rerank", {**MODEL, "top_n": 2, "return_documents": True}, 2, "object"),
    "langchain_cohere CohereRerank": ("/v2/rerank", {**MODEL, "top_n": 2, "max_tokens_per_doc": None}, 2, None),
    "langchain_community JinaRerank": ("/v1/rerank", {**MODEL, "top_n": 3}, 3, "object"),
    "langchain_community InfinityRerank": (
        "/rerank",
        {**MODEL, "return_documents": False, "raw_scores": False},
        3,
        None,
    ),
    "LlamaIndex CohereRerank": ("/v2/rerank", {**MODEL, "top_n": 2}, 2, None),
    "Haystack CohereRanker": ("/v2/rerank", {**MODEL, "top_n": 2, "max_tokens_per_doc": 4096}, 2, None),
    "LiteLLM cohere": ("/v2/rerank", {**MODEL, "top_n": 2, "return_documents": True}, 2, "object"),
    "LiteLLM jina_ai": ("/v1/rerank", {**MODEL, "top_n": 2, "return_documents": True}, 2, "object"),
    "LiteLLM hosted_vllm, told /v1": ("/v1/rerank", {**MODEL, "top_n": 2, "return_documents": True}, 2, "object"),
    "open-webui": ("/v1/rerank", {**MODEL, "top_n": 3}, 3, "object"),
    "dify": ("/rerank", MODEL, 3, "object"),
    "vLLM, all of them": ("/v1/rerank", {**MODEL, "top_n": 0, "truncate_prompt_tokens": -1}, 3, "object"),
    "vLLM at Cohere's place, all of them": ("/v2/rerank", {**MODEL, "top_n": 0}, 3, None),
    "infinity": ("/rerank", {**MODEL, "raw_scores": False, "return_documents": True}, 3, "text"),
    "Voyage": ("/v1/rerank", {**MODEL, "top_k": 2, "truncation": True, "return_documents": True}, 2, "text"),
    "voyageai.Client, left to itself": ("/v1/rerank", {**MODEL, "top_k": None, "truncation": True}, 3, None),
    "only what is needed": ("/rerank", DOCS, 3, "object"),
    "nulls": ("/v2/rerank", {**DOCS, "model": None, "top_n": None, "relevant_spans": None, "texts": None}, 3, None),
    "unknown fields": ("/v1/rerank", {**DOCS, "priority": 3, "nested": {"a": [1]}, "user": None}, 3, "object"),
    "an alias": ("/v2/rerank", {**DOCS, "model": "rerank-v3.5"}, 3, None),
    "documents as objects": ("/v2/rerank", {**DOCS, "documents": [{"text": text} for text in DOCUMENTS]}, 3, None),
}
