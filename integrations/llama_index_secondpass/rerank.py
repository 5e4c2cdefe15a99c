"""Reranking as a LlamaIndex node postprocessor."""

from typing import Annotated

from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import BaseNode, MetadataMode, NodeWithScore, QueryBundle
from pydantic import PlainSerializer

from llama_index_secondpass.reporting import dispatcher, reported
from llama_index_secondpass.texts import text_of
from secondpass.adapters.fields import RerankFields
from secondpass.errors import InputError
from secondpass.ranking import RankedDocument, arank, rank

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

    @classmethod
    def class_name(cls) -> str:
        """The name that serialised forms carry."""
        return "SecondPassRerank"

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        query = _given(query_bundle)
        if not nodes:
            return []
        texts = [text_of(node, self.metadata_mode) for node in nodes]
        with reported(self.callback_manager, query, nodes, top_n=self.top_n, name=self._name()) as result:
            ranking = rank(self._scorer, query.query_str, texts, top_k=self.top_n, score_threshold=self.score_threshold)
            result.extend(self._reranked(nodes, ranking))
        return result

    # The base class gives a span to the method above; this one would have none.
    @dispatcher.span
    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        query = _given(query_bundle)
        if not nodes:
            return []
        texts = [text_of(node, self.metadata_mode) for node in nodes]
        with reported(self.callback_manager, query, nodes, top_n=self.top_n, name=self._name()) as result:
            ranking = await arank(
                self._scorer, query.query_str, texts, top_k=self.top_n, score_threshold=self.score_threshold
            )
            result.extend(self._reranked(nodes, ranking))
        return result

    def _reranked(self, nodes: list[NodeWithScore], ranking: list[RankedDocument]) -> list[NodeWithScore]:
        reranked = []
        for place in ranking:
            given = nodes[place.index]
            node = _remembering(given) if self.keep_retrieval_score else given.node
            reranked.append(NodeWithScore(node=node, score=place.score))
        return reranked

    def _name(self) -> str:
        return type(self._scorer).__name__ if self.model is None else self.model


def _given(query: QueryBundle | None) -> QueryBundle:
    if query is None:
        # The words of every reranker of LlamaIndex.
        raise InputError("Missing query bundle in extra info.")
    return query


def _remembering(given: NodeWithScore) -> BaseNode:
    """A copy of the node that holds its retrieval score where neither embeddings nor an LLM read it."""
    node = given.node
    return node.model_copy(
        update={
            "metadata": {**node.metadata, RETRIEVAL_SCORE: given.score},
            "excluded_embed_metadata_keys": _with(node.excluded_embed_metadata_keys),
            "excluded_llm_metadata_keys": _with(node.excluded_llm_metadata_keys),
        }
    )


def _with(keys: list[str]) -> list[str]:
    return keys if RETRIEVAL_SCORE in keys else [*keys, RETRIEVAL_SCORE]
