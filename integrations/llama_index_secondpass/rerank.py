"""Reranking as a LlamaIndex node postprocessor."""

import copy
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Annotated, Any, ClassVar, Final

from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import BaseNode, MetadataMode, NodeWithScore, QueryBundle
from pydantic import PlainSerializer, model_validator

from llama_index_secondpass.migration import OTHER_NAMES, by_name
from llama_index_secondpass.nodes import own_text, passage_of, start_of_own_text, with_hidden_metadata
from llama_index_secondpass.reporting import dispatcher, report
from llama_index_secondpass.texts import text_of
from secondpass.adapters.fields import Flag, RerankFields
from secondpass.adapters.foreign_arguments import Readers
from secondpass.adapters.inputs import check_framework_documents
from secondpass.adapters.passages import PASSAGE, own_passage, passage_metadata
from secondpass.arguments import describe
from secondpass.errors import InputError, InputTypeError
from secondpass.ranking import RankedDocument

# Metadata key under which `keep_retrieval_score` keeps the score a node came with.
RETRIEVAL_SCORE = "retrieval_score"
# What LlamaIndex writes beside the fields of whatever it serialises.
_CLASS_NAME: Final = "class_name"


class SecondPassRerank(RerankFields, BaseNodePostprocessor):
    """Puts nodes in the order in which a cross-encoder finds them relevant, best first.

    Gives new `NodeWithScore` objects; the given ones are not changed. Where a node was not read at once, "passage" in
    its metadata says where its best passage starts and ends, in characters of the node's text, and the passage's own
    score, out of sight of embeddings and LLM. The model is loaded with the first node, shared within the process, and
    never part of a pickle or deepcopy. Safe to use from any number of threads and tasks.
    """

    keep_retrieval_score: Flag = False
    """Keep the score a node came with, under "retrieval_score" in its metadata, out of sight of embeddings and LLM."""
    metadata_mode: Annotated[MetadataMode, PlainSerializer(lambda mode: mode.value, return_type=str)] = (
        MetadataMode.EMBED
    )
    """Which metadata the model reads in front of the text."""

    _other_names: ClassVar[Readers] = OTHER_NAMES
    _beside_fields: ClassVar[frozenset[str]] = frozenset({_CLASS_NAME})

    @model_validator(mode="before")
    @classmethod
    def _check_class_name(cls, values: object) -> object:
        """The values without the name of the class, which must be this one's: so a dump is read as it was written."""
        if not isinstance(values, Mapping) or _CLASS_NAME not in values:
            return values
        if values[_CLASS_NAME] != cls.class_name():
            raise InputError(f"{_CLASS_NAME} must be {cls.class_name()!r}, got {values[_CLASS_NAME]!r}")
        return {name: value for name, value in values.items() if name != _CLASS_NAME}

    @classmethod
    def _by_name(cls, arguments: tuple[object, ...]) -> dict[str, object]:
        return by_name(cls.__name__, arguments)

    @classmethod
    def class_name(cls) -> str:
        """The name that serialised forms carry."""
        return "SecondPassRerank"

    def __getstate__(self) -> dict[Any, Any]:
        """What a pickle holds: everything but callbacks that cannot be pickled. Such a scorer is pickle's error."""
        # LlamaIndex takes what cannot be pickled away from the object itself, and a scorer too, so it gets a copy.
        copied = copy.copy(self)
        copied.__dict__["scorer"] = None
        state = super(SecondPassRerank, copied).__getstate__()
        return {**state, "__dict__": {**state["__dict__"], "scorer": self.scorer}}

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        query, nodes = _require_query(query_bundle), _check_nodes(nodes)
        if not nodes:
            return []
        texts = self._texts(nodes)
        with self._report(query, nodes) as reranked:
            reranked.extend(self._reorder(nodes, texts, self._rank(query.query_str, texts)))
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
            reranked.extend(self._reorder(nodes, texts, await self._arank(query.query_str, texts)))
        return reranked

    def _texts(self, nodes: list[NodeWithScore]) -> list[str]:
        return [text_of(node, self.metadata_mode) for node in nodes]

    def _report(self, query: QueryBundle, nodes: list[NodeWithScore]) -> AbstractContextManager[list[NodeWithScore]]:
        name = type(self._scorer).__name__ if self.model is None else self.model
        return report(self.callback_manager, query, nodes, top_n=self.top_n, name=name)

    def _reorder(
        self, nodes: list[NodeWithScore], texts: list[str], ranking: list[RankedDocument]
    ) -> list[NodeWithScore]:
        return [
            NodeWithScore(node=self._result(nodes[ranked.index], texts[ranked.index], ranked), score=ranked.score)
            for ranked in ranking
        ]

    def _result(self, candidate: NodeWithScore, text: str, ranked: RankedDocument) -> BaseNode:
        """The node, or a copy of it where it gets metadata or becomes a passage."""
        node = candidate.node
        metadata: dict[str, object] = {}
        own = own_text(node)
        passage = own_passage(ranked.passage, own, start_of_own_text(own, text))
        if self.keep_retrieval_score:
            metadata[RETRIEVAL_SCORE] = candidate.score
        if passage is not None:
            metadata[PASSAGE] = passage_metadata(passage)
            if self.return_passages:
                node = passage_of(node, passage)
        return with_hidden_metadata(node, metadata) if metadata else node


def _require_query(query: QueryBundle | None) -> QueryBundle:
    if query is None:
        # The words of every reranker of LlamaIndex.
        raise InputError("Missing query bundle in extra info.")
    if not isinstance(query, QueryBundle):
        raise InputTypeError(f"query_bundle must be a QueryBundle, got {describe(query)}: give a text as query_str=...")
    return query


def _check_nodes(nodes: object) -> list[NodeWithScore]:
    instead = "write NodeWithScore(node=...) around a node, and TextNode(text=...) for a text in it"
    return check_framework_documents(nodes, NodeWithScore, name="nodes", instead=instead)
