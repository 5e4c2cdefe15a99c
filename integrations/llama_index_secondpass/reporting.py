"""What LlamaIndex's observers hear of a reranking: its events and callbacks, once each."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from llama_index.core.callbacks import CallbackManager, CBEventType, EventPayload
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined] # re-exported, unmarked
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.schema import NodeWithScore, QueryBundle

dispatcher = get_dispatcher(__name__)


@contextmanager
def report(
    callbacks: CallbackManager, query: QueryBundle, nodes: Sequence[NodeWithScore], *, top_n: int | None, name: str
) -> Iterator[list[NodeWithScore]]:
    """Tell observers that a reranking starts, and at the end which nodes the yielded list holds by then.

    An error inside ends the callback with that error, and there is no end event.

    Args:
        callbacks: The adapter's own.
        query: What is asked.
        nodes: The candidates; observers see these very objects.
        top_n: How many nodes are kept at most; observers get a number even for None, which keeps all.
        name: What observers call the model.
    """
    n_kept = len(nodes) if top_n is None else top_n
    dispatcher.event(ReRankStartEvent(query=query, nodes=list(nodes), top_n=n_kept, model_name=name))
    payload: dict[str, object] = {
        EventPayload.NODES: list(nodes),
        EventPayload.MODEL_NAME: name,
        EventPayload.QUERY_STR: query.query_str,
        EventPayload.TOP_K: n_kept,
    }
    reranked: list[NodeWithScore] = []
    with callbacks.event(CBEventType.RERANKING, payload=payload) as event:
        yield reranked
        event.on_end(payload={EventPayload.NODES: reranked})
    dispatcher.event(ReRankEndEvent(nodes=reranked))
