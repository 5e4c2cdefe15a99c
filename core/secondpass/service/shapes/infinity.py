"""infinity: as Jina, but documents come back as plain strings, and scores may be asked for raw."""

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
    error_object,
    parse,
    rerank_object,
    texts_of,
)


class InfinityFields(Fields):
    """A request of infinity's API."""

    query: str
    documents: list[DocumentField]
    model: str | None = None
    top_n: CountField | None = None
    return_documents: bool | None = None
    raw_scores: bool | None = None


class Infinity(Shape):
    """infinity's `/rerank`."""

    name: ClassVar[str] = "infinity"
    fields: ClassVar[type[BaseModel]] = InfinityFields

    def read(self, body: Mapping[str, object]) -> RerankRequest:
        """The request."""
        fields = parse(InfinityFields, body)
        texts = texts_of(fields.documents)
        return RerankRequest(
            query=fields.query,
            documents=texts,
            shown=texts if fields.return_documents else None,
            model=fields.model,
            top_k=fields.top_n,
            raw_scores=bool(fields.raw_scores),
        )

    def answer(self, request: RerankRequest, ranking: Ranking) -> object:
        """`{id, object, model, usage, results}`."""
        return rerank_object(request, ranking)

    def error(self, problem: Problem) -> object:
        """`{error: {message, type, param, code}}`."""
        return error_object(problem, problem.kind.name.lower())
