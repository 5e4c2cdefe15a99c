"""Voyage: `top_k`, and `data` in place of results."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import BaseModel

from secondpass.service.problems import Problem
from secondpass.service.requests import RerankRequest
from secondpass.service.results import Ranking
from secondpass.service.shapes.fields import DocumentsFields, parse, texts_of
from secondpass.service.shapes.shape import Shape, results


class VoyageFields(DocumentsFields):
    """A request of Voyage's API."""


class Voyage(Shape):
    """Voyage's `/v1/rerank`."""

    fields: ClassVar[type[BaseModel]] = VoyageFields

    def read(self, body: Mapping[str, object]) -> RerankRequest:
        """The request."""
        fields = parse(VoyageFields, body)
        texts = texts_of(fields.documents)
        return fields.request(texts, shown=texts, shown_by_default=False)

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
