"""Reranking as a LlamaIndex node postprocessor."""

from contextlib import AbstractContextManager
from typing import Annotated, ClassVar

from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import BaseNode, MetadataMode, NodeWithScore, QueryBundle
from pydantic import PlainSerializer

from llama_index_secondpass.migration import OTHER_NAMES, by_name
from llama_index_secondpass.reporting import dispatcher, report
from llama_index_secondpass.texts import text_of
from secondpass.adapters.fields import RerankFields
from secondpass.adapters.foreign_arguments import Readers
from secondpass.adapters.inputs import check_documents
from secondpass.arguments import describe
from secondpass.errors import InputError, InputTypeError
from secondpass.ranking import RankedDocument

# Metadata key under which `keep_retrieval_score` keeps the score a node came with.
RETRIEVAL_SCORE = "retrieval_score"


class SecondPassRerank(RerankFields, BaseNodePostprocessor):
    """Puts nodes in the order in which a cross-encoder finds them relevant, best first.

    Gives new `NodeWithScore` objects; the given ones are not changed. The model is loaded with the first node, shared
    within the process, and never part of a pickle or deepcopy. Safe to use from any number of threads and tasks.
    """

    keep_retrieval_score: bool = False
    """Keep the score a node came with, under "retrieval_score" in its metadata, out of sight of embeddings and LLM."""
    metadata_mode: Annotated[MetadataMode, PlainSerializer(lambda mode: mode.value, return_type=str)] = (
        MetadataMode.EMBED
    )
    """Which metadata the model reads in front of the text."""

    _other_names: ClassVar[Readers] = OTHER_NAMES

    @classmethod
    def _by_name(cls, arguments: tuple[object, ...]) -> dict[str, object]:
        return by_name(cls.__name__, arguments)

    @classmethod
    def class_name(cls) -> str:
        """The name that serialised forms carry."""
        return "SecondPassRerank"

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        query, nodes = _require_query(query_bundle), _check_nodes(nodes)
        if not nodes:
            return []
        texts = self._texts(nodes)
        with self._report(query, nodes) as reranked:
            reranked.extend(self._reorder(nodes, self._rank(query.query_str, texts)))
        return reranked

    # The base class gives a span to the method above; this one would have none.
    @dispatcher.span
    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        query, nodes = _require_query(query_bundle), _check_nodes(nodes)
        if not nodes:
            return []
        texts = self._texts(nodes)
        with self._report(query, nodes) as reranked:
            reranked.extend(self._reorder(nodes, await self._arank(query.query_str, texts)))
        return reranked

    def _texts(self, nodes: list[NodeWithScore]) -> list[str]:
        return [text_of(node, self.metadata_mode) for node in nodes]

    def _report(self, query: QueryBundle, nodes: list[NodeWithScore]) -> AbstractContextManager[list[NodeWithScore]]:
        name = type(self._scorer).__name__ if self.model is None else self.model
        return report(self.callback_manager, query, nodes, top_n=self.top_n, name=name)

    def _reorder(self, nodes: list[NodeWithScore], ranking: list[RankedDocument]) -> list[NodeWithScore]:
        reranked = []
        for ranked in ranking:
            candidate = nodes[ranked.index]
            node = _with_retrieval_score(candidate) if self.keep_retrieval_score else candidate.node
            reranked.append(NodeWithScore(node=node, score=ranked.score))
        return reranked


def _require_query(query: QueryBundle | None) -> QueryBundle:
    if query is None:
        # The words of every reranker of LlamaIndex.
        raise InputError("Missing query bundle in extra info.")
    if not isinstance(query, QueryBundle):
        raise InputTypeError(f"query_bundle must be a QueryBundle, got {describe(query)}: give a text as query_str=...")
    return query


def _check_nodes(nodes: object) -> list[NodeWithScore]:
    instead = "write NodeWithScore(node=...) around a node, and TextNode(text=...) for a text in it"
    return check_documents(nodes, NodeWithScore, name="nodes", instead=instead)


def _with_retrieval_score(candidate: NodeWithScore) -> BaseNode:
    """A copy of the node that holds its retrieval score where neither embeddings nor an LLM read it."""
    node = candidate.node
    return node.model_copy(
        update={
            "metadata": {**node.metadata, RETRIEVAL_SCORE: candidate.score},
            "excluded_embed_metadata_keys": _with_key(node.excluded_embed_metadata_keys),
            "excluded_llm_metadata_keys": _with_key(node.excluded_llm_metadata_keys),
        }
    )


def _with_key(keys: list[str]) -> list[str]:
    return keys if RETRIEVAL_SCORE in keys else [*keys, RETRIEVAL_SCORE]
