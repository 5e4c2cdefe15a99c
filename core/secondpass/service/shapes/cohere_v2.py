"""Cohere's second API: results, the spans in them, and warnings."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import BaseModel, Field

from secondpass.ranking import RankedDocument
from secondpass.service.problems import Problem
from secondpass.service.rerank_request import Ranking, RerankRequest, SpanRequest
from secondpass.service.shapes.shape import (
    CountField,
    DocumentField,
    Fields,
    Shape,
    new_id,
    parse,
    results,
    text_objects,
    texts_of,
    usage,
)

# Cohere's own.
_SPAN_THRESHOLD = 0.1


class SpansFields(Fields):
    """Which passages are asked for; `mode` is left alone, for there is one way to find them."""

    threshold: float | None = None
    max_spans: CountField | None = None


class CohereV2Fields(Fields):
    """A request of Cohere's second API, and what vLLM's clients send to the same place."""

    query: str
    documents: list[DocumentField]
    model: str | None = None
    top_n: Annotated[int, Field(ge=0)] | None = None
    top_k: CountField | None = None
    max_tokens_per_doc: CountField | None = None
    return_documents: bool | None = None
    relevant_spans: SpansFields | None = None
    raw_scores: bool | None = None
    instruction: str | None = None


class CohereV2(Shape):
    """Cohere's `/v2/rerank`."""

    name: ClassVar[str] = "Cohere v2"
    fields: ClassVar[type[BaseModel]] = CohereV2Fields

    def read(self, body: Mapping[str, object]) -> RerankRequest:
        """The request."""
        fields = parse(CohereV2Fields, body)
        texts = texts_of(fields.documents)
        spans = fields.relevant_spans
        return RerankRequest(
            query=fields.query,
            documents=texts,
            shown=text_objects(texts, are_shown=bool(fields.return_documents)),
            model=fields.model,
            top_k=(fields.top_k if fields.top_n is None else fields.top_n) or None,
            raw_scores=bool(fields.raw_scores),
            max_document_tokens=fields.max_tokens_per_doc,
            instruction=fields.instruction,
            spans=None
            if spans is None
            else SpanRequest(
                threshold=_SPAN_THRESHOLD if spans.threshold is None else spans.threshold, max_spans=spans.max_spans
            ),
        )

    def answer(self, request: RerankRequest, ranking: Ranking) -> object:
        """`{id, model, results, meta, usage}`; model and usage are for vLLM's clients."""
        answered = results(request, ranking)
        if request.spans is not None:
            for result, document in zip(answered, ranking.ranked, strict=True):
                result["relevant_spans"] = _spans(document, request.spans)
        meta: dict[str, object] = {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}
        if ranking.warnings:
            meta["warnings"] = list(ranking.warnings)
        return {
            "id": new_id(),
            "model": ranking.model,
            "results": answered,
            "meta": meta,
            "usage": usage(ranking.n_tokens),
        }

    def error(self, problem: Problem) -> object:
        """`{message}`."""
        return {"message": problem.message}


def _spans(document: RankedDocument, request: SpanRequest) -> list[dict[str, object]]:
    """The passages that are known, best first: [start, end) in Unicode code points."""
    passage = document.passage
    if passage is None or passage.score < request.threshold:
        return []
    return [{"start": passage.start, "end": passage.end, "score": passage.score}]
