"""What LlamaIndex expects of a node postprocessor."""

import copy
import json
import pickle
import re
from collections.abc import Iterator
from typing import Any

import pytest
from llama_index.core.base.response.schema import Response
from llama_index.core.callbacks import CallbackManager, CBEventType, EventPayload
from llama_index.core.callbacks.base_handler import BaseCallbackHandler
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined] # re-exported, unmarked
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.instrumentation.span_handlers import SimpleSpanHandler
from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import ImageNode, MetadataMode, NodeWithScore, QueryBundle, TextNode
from llama_index.core.workflow import Event

from llama_index_secondpass import SecondPassRerank
from secondpass.errors import InputError, ScoringError
from secondpass.testing import OverlapScorer

QUERY = QueryBundle("big red cat")
TEXTS = ["a red car", "a dog", "the big red cat", "big cat"]
BEST_FIRST = ["the big red cat", "big cat", "a red car", "a dog"]


def nodes(metadata: dict[str, Any] | None = None) -> list[NodeWithScore]:
    return [
        NodeWithScore(node=TextNode(id_=str(i), text=text, metadata=metadata or {}), score=1 - i / 10)
        for i, text in enumerate(TEXTS)
    ]


def reranker(**arguments: Any) -> SecondPassRerank:
    return SecondPassRerank(scorer=OverlapScorer(), **arguments)


class EveryNode(BaseRetriever):
    """Gives all it has, in the order it has it."""

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:  # noqa: ARG002 - it ignores the query
        return nodes()


class Heard(BaseEventHandler):
    """Remembers events."""

    events: list[BaseEvent] = []  # noqa: RUF012 - a pydantic field, copied for each instance

    def handle(self, event: BaseEvent, **kwargs: Any) -> None:  # noqa: ARG002 - the base's
        self.events.append(event)

    def of_reranking(self) -> list[BaseEvent]:
        return [event for event in self.events if isinstance(event, ReRankStartEvent | ReRankEndEvent)]


class Called(BaseCallbackHandler):
    """Remembers the payloads of reranking callbacks."""

    def __init__(self) -> None:
        super().__init__([], [])
        self.started: list[dict[str, Any]] = []
        self.ended: list[dict[str, Any]] = []

    def start_trace(self, trace_id: str | None = None) -> None: ...
    def end_trace(self, trace_id: str | None = None, trace_map: dict[str, list[str]] | None = None) -> None: ...

    def on_event_start(
        self,
        event_type: CBEventType,
        payload: dict[str, Any] | None = None,
        event_id: str = "",
        parent_id: str = "",  # noqa: ARG002 - the base's
        **kwargs: Any,  # noqa: ARG002
    ) -> str:
        if event_type is CBEventType.RERANKING:
            self.started.append(payload or {})
        return event_id

    def on_event_end(
        self,
        event_type: CBEventType,
        payload: dict[str, Any] | None = None,
        event_id: str = "",  # noqa: ARG002 - the base's
        **kwargs: Any,  # noqa: ARG002
    ) -> None:
        if event_type is CBEventType.RERANKING:
            self.ended.append(payload or {})


@pytest.fixture
def heard() -> Iterator[Heard]:
    dispatcher = get_dispatcher()
    handler = Heard()
    before = list(dispatcher.event_handlers)
    dispatcher.event_handlers = [*before, handler]
    yield handler
    dispatcher.event_handlers = before


@pytest.fixture
def spans() -> Iterator[SimpleSpanHandler]:
    dispatcher = get_dispatcher()
    handler = SimpleSpanHandler()
    before = list(dispatcher.span_handlers)
    dispatcher.span_handlers = [*before, handler]
    yield handler
    dispatcher.span_handlers = before


async def postprocess(adapter: SecondPassRerank, candidates: list[NodeWithScore], mode: str) -> list[NodeWithScore]:
    if mode == "sync":
        return adapter.postprocess_nodes(candidates, QUERY)
    return await adapter.apostprocess_nodes(candidates, QUERY)


@pytest.mark.parametrize("mode", ["sync", "async"])
async def test_start_and_end_are_heard_once_each_in_order(heard: Heard, mode: str) -> None:
    candidates = nodes()
    reranked = await postprocess(reranker(top_n=2), candidates, mode)
    start, end = heard.of_reranking()
    assert isinstance(start, ReRankStartEvent)
    assert (start.query, start.top_n, start.model_name) == (QUERY, 2, "OverlapScorer")
    assert all(node.node is then.node for node, then in zip(start.nodes, candidates, strict=True))
    assert isinstance(end, ReRankEndEvent)
    assert [node.node_id for node in end.nodes] == [node.node_id for node in reranked] == ["2", "3"]


@pytest.mark.parametrize("mode", ["sync", "async"])
async def test_events_have_a_number_where_all_are_kept(heard: Heard, mode: str) -> None:
    await postprocess(reranker(top_n=None), nodes(), mode)
    start = heard.of_reranking()[0]
    assert isinstance(start, ReRankStartEvent)
    assert start.top_n == len(TEXTS)


@pytest.mark.parametrize("mode", ["sync", "async"])
async def test_nothing_is_heard_where_there_is_nothing_to_rank(heard: Heard, mode: str) -> None:
    called = Called()
    assert await postprocess(reranker(callback_manager=CallbackManager([called])), [], mode) == []
    assert (heard.of_reranking(), called.started, called.ended) == ([], [], [])


@pytest.mark.parametrize("mode", ["sync", "async"])
async def test_callbacks_come_once_each(mode: str) -> None:
    called, candidates = Called(), nodes()
    reranked = await postprocess(reranker(top_n=1, callback_manager=CallbackManager([called])), candidates, mode)
    assert called.started == [
        {
            EventPayload.NODES: candidates,
            EventPayload.MODEL_NAME: "OverlapScorer",
            EventPayload.QUERY_STR: QUERY.query_str,
            EventPayload.TOP_K: 1,
        }
    ]
    assert called.ended == [{EventPayload.NODES: reranked}]


def test_a_failure_ends_the_callback_with_the_error(heard: Heard) -> None:
    class Broken:
        def score(self, query: str, documents: object) -> list[float]:  # noqa: ARG002 - the protocol's
            return [float("nan")] * len(TEXTS)

    called = Called()
    adapter = SecondPassRerank(scorer=Broken(), callback_manager=CallbackManager([called]))
    with pytest.raises(ScoringError):
        adapter.postprocess_nodes(nodes(), QUERY)
    assert [type(payload[EventPayload.EXCEPTION]) for payload in called.ended] == [ScoringError]
    assert [type(event) for event in heard.of_reranking()] == [ReRankStartEvent]


@pytest.mark.parametrize("mode", ["sync", "async"])
async def test_there_is_one_span_in_either_mode(spans: SimpleSpanHandler, mode: str) -> None:
    await postprocess(reranker(), nodes(), mode)
    names = [span.id_.partition("-")[0] for span in spans.completed_spans]
    method = "_postprocess_nodes" if mode == "sync" else "_apostprocess_nodes"
    assert names.count(f"SecondPassRerank.{method}") == 1


@pytest.mark.parametrize("mode", ["sync", "async"])
async def test_query_engine_end_to_end(heard: Heard, mode: str) -> None:
    engine = RetrieverQueryEngine.from_args(EveryNode(), llm=MockLLM(), node_postprocessors=[reranker(top_n=2)])
    response = engine.query(QUERY) if mode == "sync" else await engine.aquery(QUERY)
    assert isinstance(response, Response)
    assert [node.text for node in response.source_nodes] == BEST_FIRST[:2]
    assert BEST_FIRST[0] in str(response)  # the mock LLM repeats its prompt
    assert BEST_FIRST[3] not in str(response)
    assert [type(event) for event in heard.of_reranking()] == [ReRankStartEvent, ReRankEndEvent]


def test_no_query_is_refused_in_the_words_of_llama_index() -> None:
    with pytest.raises(ValueError, match=r"Missing query bundle in extra info\."):
        reranker().postprocess_nodes(nodes())


def test_model_reads_the_metadata_that_embeddings_read() -> None:
    node = TextNode(text="cat", metadata={"title": "Pets", "secret": "x"}, excluded_embed_metadata_keys=["secret"])
    for mode, text in (
        (MetadataMode.EMBED, "title: Pets\n\ncat"),
        (MetadataMode.ALL, "title: Pets\nsecret: x\n\ncat"),
        (MetadataMode.NONE, "cat"),
    ):
        scorer = OverlapScorer()
        adapter = SecondPassRerank(scorer=scorer, metadata_mode=mode)
        adapter.postprocess_nodes([NodeWithScore(node=node)], QUERY)
        assert scorer.calls == [(QUERY.query_str, (text,))]


def test_retrieval_score_is_kept_out_of_sight() -> None:
    candidates = nodes({"title": "Pets"})
    best = reranker(keep_retrieval_score=True).postprocess_nodes(candidates, QUERY)[0]
    assert best.metadata == {"title": "Pets", "retrieval_score": 0.8}
    for mode in (MetadataMode.EMBED, MetadataMode.LLM):
        assert best.get_content(mode) == "title: Pets\n\nthe big red cat"
    assert candidates[2].metadata == {"title": "Pets"}
    assert candidates[2].node.excluded_llm_metadata_keys == []


def test_retrieval_score_of_a_second_reranking_is_that_of_the_first() -> None:
    once = reranker(keep_retrieval_score=True).postprocess_nodes(nodes(), QUERY)
    twice = reranker(keep_retrieval_score=True).postprocess_nodes(once, QUERY)
    assert twice[0].metadata == {"retrieval_score": 1.0}
    assert twice[0].node.excluded_llm_metadata_keys == ["retrieval_score"]


def test_an_image_without_text_is_refused() -> None:
    image = NodeWithScore(node=ImageNode(id_="picture", image="aGk="))
    with pytest.raises(InputError, match="node must have text to be reranked, got ImageNode picture without any"):
        reranker().postprocess_nodes([image], QUERY)
    filed = NodeWithScore(node=ImageNode(image="aGk=", metadata={"file_name": "cat.png"}))
    with pytest.raises(InputError, match="node must have text to be reranked"):
        reranker().postprocess_nodes([filed], QUERY)
    captioned = NodeWithScore(node=ImageNode(text="a big red cat", image="aGk="))
    assert reranker().postprocess_nodes([captioned], QUERY)[0].score == 1.0


def test_round_trip_keeps_every_field() -> None:
    adapter = SecondPassRerank(
        model="some/model",
        top_n=None,
        score_threshold=0.5,
        keep_retrieval_score=True,
        metadata_mode=MetadataMode.LLM,
        share_model=False,
        revision="main",
        cache_dir="/cache",
        local_files_only=True,
        trust_remote_code=True,
        device="cuda:1",
        dtype="bfloat16",
        max_length=256,
        activation="sigmoid",
        label="relevant",
        batch_tokens=4096,
    )
    data = adapter.to_dict()
    assert data["class_name"] == "SecondPassRerank"
    assert json.loads(json.dumps(data)) == data
    for other in (SecondPassRerank.from_dict(data), SecondPassRerank.from_json(adapter.to_json())):
        assert other.to_dict() == data
        assert other._scorer == adapter._scorer
    assert data["class_name"] == "SecondPassRerank"  # from_dict works on a copy


class Carries(Event):
    """A step of a workflow that hands a reranker on."""

    reranker: SecondPassRerank


def test_what_pydantic_dumps_pydantic_reads() -> None:
    adapter = SecondPassRerank(model="some/model", top_n=7, max_length=256, metadata_mode=MetadataMode.LLM)
    dumped = adapter.model_dump()
    assert dumped["class_name"] == "SecondPassRerank"  # LlamaIndex writes it into every dump
    for other in (
        SecondPassRerank.model_validate(dumped),
        SecondPassRerank.model_validate_json(adapter.model_dump_json()),
        SecondPassRerank(**dumped),
        SecondPassRerank.model_construct(**dumped),
        Carries.model_validate(Carries(reranker=adapter).model_dump()).reranker,
    ):
        assert other.model_dump() == dumped
        assert other.model_fields_set == dumped.keys() - {"class_name"}


@pytest.mark.parametrize("name", ["CohereRerank", 3, None], ids=str)
def test_what_another_class_dumped_is_refused(name: object) -> None:
    message = re.escape(f"class_name must be 'SecondPassRerank', got {name!r}")
    with pytest.raises(ValueError, match=message):
        SecondPassRerank.model_validate({"model": "some/model", "class_name": name})


def test_a_derived_class_reads_its_own_dump() -> None:
    class Own(SecondPassRerank):
        @classmethod
        def class_name(cls) -> str:
            return "Own"

    dumped = Own(model="some/model").model_dump()
    assert Own.model_validate(dumped).model_dump() == dumped
    with pytest.raises(ValueError, match="class_name must be 'SecondPassRerank', got 'Own'"):
        SecondPassRerank.model_validate(dumped)


def test_a_scorer_is_given_again_when_loading() -> None:
    data = reranker(top_n=1).to_dict()
    with pytest.raises(ValueError, match="got neither"):
        SecondPassRerank.from_dict(data)
    loaded = SecondPassRerank.from_dict(data, scorer=OverlapScorer())
    assert loaded.postprocess_nodes(nodes(), QUERY)[0].text == BEST_FIRST[0]


def test_token_is_in_no_repr_and_no_file() -> None:
    adapter = SecondPassRerank(model="some/model", token="hf_secret")  # type: ignore[arg-type] # noqa: S106 - wrapped
    assert "hf_secret" not in repr(adapter) + str(adapter) + adapter.to_json() + str(adapter.to_dict())


def test_copies_score_alike() -> None:
    adapter = reranker(top_n=1)
    for other in (copy.deepcopy(adapter), pickle.loads(pickle.dumps(adapter))):  # noqa: S301 - our own
        assert other.postprocess_nodes(nodes(), QUERY)[0].text == BEST_FIRST[0]


def test_assignment_is_checked() -> None:
    adapter = reranker()
    adapter.top_n = 1
    with pytest.raises(ValueError, match="top_n must be at least 1, got 0"):
        adapter.top_n = 0
    adapter.callback_manager = CallbackManager([])  # what query engines do
    assert len(adapter.postprocess_nodes(nodes(), QUERY)) == 1


def test_reranked_nodes_can_be_written_as_json() -> None:
    assert json.loads(reranker().postprocess_nodes(nodes(), QUERY)[0].to_json())["score"] == 1.0
