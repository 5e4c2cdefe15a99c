"""Voyage: `top_k`, and `data` in place of results."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import BaseModel

from secondpass.service.problems import Problem
from secondpass.service.rerank_request import Ranking, RerankRequest
from secondpass.service.shapes.shape import CountField, DocumentField, Fields, Shape, parse, results, texts_of


class VoyageFields(Fields):
    """A request of Voyage's API."""

    query: str
    documents: list[DocumentField]
    model: str | None = None
    top_k: CountField | None = None
    return_documents: bool | None = None
    truncation: bool | None = None
    raw_scores: bool | None = None
    instruction: str | None = None


class Voyage(Shape):
    """Voyage's `/v1/rerank`."""

    name: ClassVar[str] = "Voyage"
    fields: ClassVar[type[BaseModel]] = VoyageFields

    def read(self, body: Mapping[str, object]) -> RerankRequest:
        """The request."""
        fields = parse(VoyageFields, body)
        texts = texts_of(fields.documents)
        return RerankRequest(
            query=fields.query,
            documents=texts,
            shown=texts if fields.return_documents else None,
            model=fields.model,
            top_k=fields.top_k,
            raw_scores=bool(fields.raw_scores),
            truncate=fields.truncation is not False,
            instruction=fields.instruction,
        )

    def answer(self, request: RerankRequest, ranking: Ranking) -> object:
        """`{object, data, model, usage}`, and `results` for clients of other APIs that say `top_k`."""
        answered = results(request, ranking)
        return {
            "object": "list",
            "data": answered,
            "results": answered,
            "model": ranking.model,
            "usage": {"total_tokens": ranking.n_tokens},
        }

    def error(self, problem: Problem) -> object:
        """`{detail}`."""
        return {"detail": problem.message}
