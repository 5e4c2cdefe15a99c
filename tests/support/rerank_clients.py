"""Clients of rerank APIs, each set up as its users do: where the server is, its key, and how many documents to keep."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any

import pytest

Ranked = list[tuple[int, float]]
"""Documents by index with their scores, best first."""

# What these clients call a model where nobody told them a name, and the name that the others are told.
MODEL = "rerank-v3.5"
ALIASES = (
    MODEL,
    "rerank-english-v3.0",
    "jina-reranker-v1-base-en",
    "jina-reranker-v2-base-multilingual",
    "BAAI/bge-reranker-base",
)


@dataclass(frozen=True, slots=True)
class Server:
    """Where a server listens, and a key that opens it."""

    url: str
    key: str


Ask = Callable[[Server, str, Sequence[str], int], Ranked]
"""Asks a server for the best so many documents for a query."""


@dataclass(frozen=True, slots=True)
class Client:
    """A client: the distributions it needs, and how it asks."""

    needs: tuple[str, ...]
    ask: Ask

    @property
    def missing(self) -> list[str]:
        """What it needs and is not installed."""
        return [name for name in self.needs if not _is_installed(name)]


def cohere_v2(server: Server, query: str, texts: Sequence[str], top_n: int) -> Ranked:
    client = import_module("cohere").ClientV2(server.key, base_url=server.url)
    return _results(client.rerank(model=MODEL, query=query, documents=list(texts), top_n=top_n))


def cohere_v1(server: Server, query: str, texts: Sequence[str], top_n: int) -> Ranked:
    client = import_module("cohere").Client(server.key, base_url=server.url)
    answer = client.rerank(model=MODEL, query=query, documents=list(texts), top_n=top_n, return_documents=True)
    assert [result.document.text for result in answer.results] == [texts[result.index] for result in answer.results]
    return _results(answer)


def voyage(server: Server, query: str, texts: Sequence[str], top_n: int) -> Ranked:
    client = import_module("voyageai").Client(server.key, base_url=f"{server.url}/v1")
    answer = client.rerank(query, list(texts), model=MODEL, top_k=top_n)
    assert [result.document for result in answer.results] == [texts[result.index] for result in answer.results]
    return _results(answer)


def voyage_untold(server: Server, query: str, texts: Sequence[str], top_n: int) -> Ranked:
    """Voyage's client where it is not told how many to keep, which it says by a null."""
    client = import_module("voyageai").Client(server.key, base_url=f"{server.url}/v1")
    return _results(client.rerank(query, list(texts), model=MODEL))[:top_n]


def langchain_cohere(server: Server, query: str, texts: Sequence[str], top_n: int) -> Ranked:
    made = import_module("langchain_cohere").CohereRerank(
        base_url=server.url, cohere_api_key=server.key, model=MODEL, top_n=top_n
    )
    return _compressed(made, query, texts)


def langchain_jina(server: Server, query: str, texts: Sequence[str], top_n: int) -> Ranked:
    module = import_module("langchain_community.document_compressors.jina_rerank")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "JINA_API_URL", f"{server.url}/v1/rerank")  # all that can be set
        return _compressed(module.JinaRerank(jina_api_key=server.key, top_n=top_n), query, texts)


def langchain_infinity(server: Server, query: str, texts: Sequence[str], top_n: int) -> Ranked:
    headers = {"Authorization": f"Bearer {server.key}"}  # LangChain's class does not take an AuthenticatedClient
    client = import_module("infinity_client").Client(base_url=server.url, headers=headers)
    module = import_module("langchain_community.document_compressors.infinity_rerank")
    return _compressed(module.InfinityRerank(client=client, model=MODEL, top_n=top_n), query, texts)


def llama_index_tei(server: Server, query: str, texts: Sequence[str], top_n: int) -> Ranked:
    made = import_module("llama_index.postprocessor.tei_rerank").TextEmbeddingInference(
        base_url=server.url, auth_token=f"Bearer {server.key}", top_n=top_n
    )
    return _postprocessed(made, query, texts)


def llama_index_cohere(server: Server, query: str, texts: Sequence[str], top_n: int) -> Ranked:
    made = import_module("llama_index.postprocessor.cohere_rerank").CohereRerank(
        base_url=server.url, api_key=server.key, top_n=top_n, max_retries=1
    )
    return _postprocessed(made, query, texts)


def llama_index_jina(server: Server, query: str, texts: Sequence[str], top_n: int) -> Ranked:
    made = import_module("llama_index.postprocessor.jinaai_rerank").JinaRerank(
        base_url=f"{server.url}/v1", api_key=server.key, top_n=top_n
    )
    return _postprocessed(made, query, texts)


def haystack_tei(server: Server, query: str, texts: Sequence[str], top_n: int) -> Ranked:
    ranker = import_module("haystack_integrations.components.rankers.huggingface_api").HuggingFaceTEIRanker(
        url=server.url, token=_secret(server.key), top_k=top_n, max_retries=0
    )
    return _run(ranker, query, texts)


def haystack_cohere(server: Server, query: str, texts: Sequence[str], top_n: int) -> Ranked:
    ranker = import_module("haystack_integrations.components.rankers.cohere").CohereRanker(
        api_base_url=server.url, api_key=_secret(server.key), top_k=top_n
    )
    return _run(ranker, query, texts)


def haystack_jina(server: Server, query: str, texts: Sequence[str], top_n: int) -> Ranked:
    ranker = import_module("haystack_integrations.components.rankers.jina").JinaRanker(
        base_url=f"{server.url}/v1/rerank", api_key=_secret(server.key), top_k=top_n
    )
    return _run(ranker, query, texts)


def litellm(provider: str) -> Ask:
    """LiteLLM's `rerank`, which speaks the API of any provider; all of them are told where the server is alike."""

    def ask(server: Server, query: str, texts: Sequence[str], top_n: int) -> Ranked:
        answer = import_module("litellm").rerank(
            model=f"{provider}/{MODEL}",
            query=query,
            documents=list(texts),
            top_n=top_n,
            api_base=server.url,
            api_key=server.key,
        )
        if provider not in ("infinity", "hosted_vllm"):
            assert [result["document"]["text"] for result in answer.results] == [
                texts[result["index"]] for result in answer.results
            ]
        return [(result["index"], result["relevance_score"]) for result in answer.results]

    return ask


CLIENTS: dict[str, Client] = {
    "cohere.ClientV2": Client(("cohere",), cohere_v2),
    "cohere.Client": Client(("cohere",), cohere_v1),
    "voyageai.Client": Client(("voyageai",), voyage),
    "voyageai.Client, left to itself": Client(("voyageai",), voyage_untold),
    "langchain_cohere.CohereRerank": Client(("langchain-cohere",), langchain_cohere),
    "langchain_community.JinaRerank": Client(("langchain-community",), langchain_jina),
    "langchain_community.InfinityRerank": Client(("langchain-community", "infinity-client"), langchain_infinity),
    "llama_index.TextEmbeddingInference": Client(("llama-index-postprocessor-tei-rerank",), llama_index_tei),
    "llama_index.CohereRerank": Client(("llama-index-postprocessor-cohere-rerank",), llama_index_cohere),
    "llama_index.JinaRerank": Client(("llama-index-postprocessor-jinaai-rerank",), llama_index_jina),
    "haystack.HuggingFaceTEIRanker": Client(("huggingface-api-haystack",), haystack_tei),
    "haystack.CohereRanker": Client(("cohere-haystack",), haystack_cohere),
    "haystack.JinaRanker": Client(("jina-haystack",), haystack_jina),
    **{
        f"litellm.rerank({provider})": Client(("litellm",), litellm(provider))
        for provider in ("cohere", "jina_ai", "infinity", "hosted_vllm", "huggingface", "voyage")
    },
}


def _is_installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


def _results(answer: Any) -> Ranked:
    return [(result.index, result.relevance_score) for result in answer.results]


def _compressed(compressor: Any, query: str, texts: Sequence[str]) -> Ranked:
    document = import_module("langchain_core.documents").Document
    given = [document(page_content=text, metadata={"index": index}) for index, text in enumerate(texts)]
    ranked = compressor.compress_documents(given, query)
    return [(kept.metadata["index"], kept.metadata["relevance_score"]) for kept in ranked]


def _postprocessed(postprocessor: Any, query: str, texts: Sequence[str]) -> Ranked:
    schema = import_module("llama_index.core.schema")
    given = [schema.NodeWithScore(node=schema.TextNode(text=text, id_=str(i))) for i, text in enumerate(texts)]
    return [(int(kept.node.node_id), kept.score) for kept in postprocessor.postprocess_nodes(given, query_str=query)]


def _secret(key: str) -> Any:
    return import_module("haystack.utils").Secret.from_token(key)


def _run(ranker: Any, query: str, texts: Sequence[str]) -> Ranked:
    document = import_module("haystack").Document
    ranked = ranker.run(query=query, documents=[document(id=str(i), content=text) for i, text in enumerate(texts)])
    return [(int(kept.id), kept.score) for kept in ranked["documents"]]
