"""infinity: as Jina, but documents come back as plain strings, and scores may be asked for raw."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import BaseModel

from secondpass.service.problems import Problem
from secondpass.service.requests import RerankRequest
from secondpass.service.results import Ranking
from secondpass.service.shapes.fields import DocumentsFields, parse, texts_of
from secondpass.service.shapes.shape import Shape, error_object, rerank_object


class InfinityFields(DocumentsFields):
    """A request of infinity's API."""


class Infinity(Shape):
    """infinity's `/rerank`."""

    fields: ClassVar[type[BaseModel]] = InfinityFields

    def read(self, body: Mapping[str, object]) -> RerankRequest:
        """The request."""
        fields = parse(InfinityFields, body)
        texts = texts_of(fields.documents)
        return fields.request(texts, shown=texts, shown_by_default=False)

    def answer(self, request: RerankRequest, ranking: Ranking) -> object:
        """`{id, object, model, usage, results}`."""
        return rerank_object(request, ranking)

    def error(self, problem: Problem) -> object:
        """`{error: {message, type, param, code}}`."""
        return error_object(problem, problem.kind.name.lower())
