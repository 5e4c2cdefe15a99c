"""One way to speak to three adapters, so that one set of tests holds for all."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from haystack import Document as HaystackDocument
from haystack.utils import ComponentDevice
from langchain_core.documents import Document as LangChainDocument
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle, TextNode

import langchain_secondpass
import llama_index_secondpass
from haystack_integrations.components.rankers.secondpass import SecondPassRanker


@dataclass(frozen=True)
class Seen:
    """A document as every framework can tell it."""

    id: str
    text: str
    score: float | None
    metadata: dict[str, object]


class Driver(Protocol):
    """How to build, feed and read one adapter."""

    def adapter(self, *, top_n: int | None = None, **arguments: Any) -> Any: ...
    def documents(self, texts: Sequence[str]) -> list[Any]: ...
    def run(self, adapter: Any, query: str, documents: list[Any]) -> list[Any]: ...
    async def arun(self, adapter: Any, query: str, documents: list[Any]) -> list[Any]: ...
    def seen(self, document: Any) -> Seen: ...
    def snapshot(self, documents: list[Any]) -> object: ...
    def reloaded(self, adapter: Any) -> Any: ...
    def scorer(self, adapter: Any) -> Any: ...


class LangChain:
    def adapter(self, *, top_n: int | None = None, **arguments: Any) -> Any:
        return langchain_secondpass.SecondPassRerank(top_n=top_n, **arguments)

    def documents(self, texts: Sequence[str]) -> list[Any]:
        return [
            LangChainDocument(id=f"d{i}", page_content=text, metadata={"place": i, "tags": ["a"]})
            for i, text in enumerate(texts)
        ]

    def run(self, adapter: Any, query: str, documents: list[Any]) -> list[Any]:
        return list(adapter.compress_documents(documents, query))

    async def arun(self, adapter: Any, query: str, documents: list[Any]) -> list[Any]:
        return list(await adapter.acompress_documents(documents, query))

    def seen(self, document: Any) -> Seen:
        metadata = {key: value for key, value in document.metadata.items() if key != "relevance_score"}
        return Seen(document.id, document.page_content, document.metadata.get("relevance_score"), metadata)

    def snapshot(self, documents: list[Any]) -> object:
        return json.dumps([document.model_dump() for document in documents])

    def reloaded(self, adapter: Any) -> Any:
        return type(adapter).model_validate_json(adapter.model_dump_json())

    def scorer(self, adapter: Any) -> Any:
        return adapter._scorer


class LlamaIndex:
    def adapter(self, *, top_n: int | None = None, **arguments: Any) -> Any:
        # The other two read text alone.
        return llama_index_secondpass.SecondPassRerank(top_n=top_n, metadata_mode=MetadataMode.NONE, **arguments)

    def documents(self, texts: Sequence[str]) -> list[Any]:
        return [
            NodeWithScore(node=TextNode(id_=f"d{i}", text=text, metadata={"place": i, "tags": ["a"]}), score=0.5)
            for i, text in enumerate(texts)
        ]

    def run(self, adapter: Any, query: str, documents: list[Any]) -> list[Any]:
        return list(adapter.postprocess_nodes(documents, QueryBundle(query)))

    async def arun(self, adapter: Any, query: str, documents: list[Any]) -> list[Any]:
        return list(await adapter.apostprocess_nodes(documents, QueryBundle(query)))

    def seen(self, document: Any) -> Seen:
        return Seen(document.node_id, document.text, document.score, document.metadata)

    def snapshot(self, documents: list[Any]) -> object:
        return [document.to_dict() for document in documents]

    def reloaded(self, adapter: Any) -> Any:
        return type(adapter).from_json(adapter.to_json())

    def scorer(self, adapter: Any) -> Any:
        return adapter._scorer


class Haystack:
    def adapter(self, *, top_n: int | None = None, **arguments: Any) -> Any:
        if isinstance(arguments.get("device"), str):
            arguments["device"] = ComponentDevice.from_str(arguments["device"])
        # A calibration is what scales there.
        return SecondPassRanker(top_k=top_n, **{"scale_score": "calibration" in arguments, **arguments})

    def documents(self, texts: Sequence[str]) -> list[Any]:
        return [
            HaystackDocument(id=f"d{i}", content=text, meta={"place": i, "tags": ["a"]}) for i, text in enumerate(texts)
        ]

    def run(self, adapter: Any, query: str, documents: list[Any]) -> list[Any]:
        return list(adapter.run(query=query, documents=documents)["documents"])

    async def arun(self, adapter: Any, query: str, documents: list[Any]) -> list[Any]:
        return list((await adapter.run_async(query=query, documents=documents))["documents"])

    def seen(self, document: Any) -> Seen:
        return Seen(document.id, document.content, document.score, document.meta)

    def snapshot(self, documents: list[Any]) -> object:
        return json.dumps([document.to_dict() for document in documents])

    def reloaded(self, adapter: Any) -> Any:
        return SecondPassRanker.from_dict(json.loads(json.dumps(adapter.to_dict())))

    def scorer(self, adapter: Any) -> Any:
        return adapter._scorer()
