"""Cohere's second API: results, the spans in them, and warnings."""

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from pydantic import BaseModel

from secondpass.ranking import Passage
from secondpass.service.problems import Problem
from secondpass.service.requests import RerankRequest
from secondpass.service.results import Ranking
from secondpass.service.shapes.fields import (
    CountField,
    DocumentsFields,
    Fields,
    NumberField,
    parse,
    texts_of,
)
from secondpass.service.shapes.shape import Shape, new_id, results, text_objects, usage

# Cohere's default.
_SPAN_THRESHOLD = 0.1


class SpansFields(Fields):
    """Which passages are asked for.

    `mode` is left alone, for there is one way to find them. `max_spans` changes nothing: of each document one passage
    at most is known, and that many may always come.
    """

    threshold: NumberField | None = None
    max_spans: CountField | None = None

    def least(self) -> float:
        """The least score of a passage; Cohere's own where none is given."""
        return _SPAN_THRESHOLD if self.threshold is None else self.threshold


class CohereV2Fields(DocumentsFields):
    """A request of Cohere's second API, and what vLLM's clients send to the same place."""

    relevant_spans: SpansFields | None = None


class CohereV2(Shape):
    """Cohere's `/v2/rerank`."""

    fields: ClassVar[type[BaseModel]] = CohereV2Fields

    def read(self, body: Mapping[str, object]) -> RerankRequest:
        """The request."""
        fields = parse(CohereV2Fields, body)
        texts = texts_of(fields.documents)
        request = fields.request(texts, shown=text_objects(texts), shown_by_default=False)
        spans = fields.relevant_spans
        return replace(request, span_threshold=None if spans is None else spans.least())

    def answer(self, request: RerankRequest, ranking: Ranking) -> object:
        """`{id, model, results, meta, usage}`; model and usage are for vLLM's clients.

        With spans, each result says whether a part of its document or of the query was `truncated`, and the `raw_score`
        that orders documents of equal scores, where these are known.
        """
        answered = results(request, ranking)
        if request.span_threshold is not None:
            for result, document in zip(answered, ranking.ranked, strict=True):
                result["relevant_spans"] = _spans(document.passage, request.span_threshold)
                if document.truncated is not None:
                    result["truncated"] = document.truncated
                if document.raw_score is not None:
                    result["raw_score"] = _finite(document.raw_score)
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


def _finite(raw_score: float) -> float:
    """The nearest number that JSON has: an infinite one orders as the largest does."""
    return max(-sys.float_info.max, min(raw_score, sys.float_info.max))


def _spans(passage: Passage | None, threshold: float) -> list[dict[str, object]]:
    """The passage, if one is known that scores enough: [start, end) in Unicode code points."""
    if passage is None or passage.score < threshold:
        return []
    return [{"start": passage.start, "end": passage.end, "score": passage.score}]
