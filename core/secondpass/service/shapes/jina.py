"""Jina: `top_n`, and the documents come back unless a request does without them."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import BaseModel

from secondpass.service.problems import Problem
from secondpass.service.requests import RerankRequest
from secondpass.service.results import Ranking
from secondpass.service.shapes.fields import DocumentsFields, parse, texts_of
from secondpass.service.shapes.shape import Shape, new_id, results, text_objects, usage


class JinaFields(DocumentsFields):
    """A request of Jina's API."""


class Jina(Shape):
    """Jina's `/v1/rerank`; Cohere's first clients send the same to the same place, and find their fields, too."""

    fields: ClassVar[type[BaseModel]] = JinaFields

    def read(self, body: Mapping[str, object]) -> RerankRequest:
        """The request."""
        fields = parse(JinaFields, body)
        texts = texts_of(fields.documents)
        return fields.request(texts, shown=text_objects(texts), shown_by_default=True)

    def answer(self, request: RerankRequest, ranking: Ranking) -> object:
        """`{model, object, usage, results}`, and Cohere's `id` and `meta`."""
        return {
            "id": new_id(),
            "model": ranking.model,
            "object": "list",
            "usage": usage(ranking.n_tokens),
            "results": results(request, ranking),
            "meta": {"api_version": {"version": "1"}, "billed_units": {"search_units": 1}},
        }

    def error(self, problem: Problem) -> object:
        """`{detail}`, and Cohere's `message`."""
        return {"detail": problem.message, "message": problem.message}
