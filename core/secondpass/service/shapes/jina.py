"""Jina: `top_n`, and the documents come back unless a request does without them."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import BaseModel

from secondpass.service.problems import Problem
from secondpass.service.rerank_request import Ranking, RerankRequest
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


class JinaFields(Fields):
    """A request of Jina's API."""

    query: str
    documents: list[DocumentField]
    model: str | None = None
    top_n: CountField | None = None
    return_documents: bool | None = None
    max_tokens_per_doc: CountField | None = None
    raw_scores: bool | None = None
    truncation: bool | None = None
    instruction: str | None = None


class Jina(Shape):
    """Jina's `/v1/rerank`; Cohere's first clients send the same to the same place, and find their fields, too."""

    name: ClassVar[str] = "Jina"
    fields: ClassVar[type[BaseModel]] = JinaFields

    def read(self, body: Mapping[str, object]) -> RerankRequest:
        """The request."""
        fields = parse(JinaFields, body)
        texts = texts_of(fields.documents)
        return RerankRequest(
            query=fields.query,
            documents=texts,
            shown=text_objects(texts, are_shown=fields.return_documents is not False),
            model=fields.model,
            top_k=fields.top_n,
            raw_scores=bool(fields.raw_scores),
            truncate=fields.truncation is not False,
            max_document_tokens=fields.max_tokens_per_doc,
            instruction=fields.instruction,
        )

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
