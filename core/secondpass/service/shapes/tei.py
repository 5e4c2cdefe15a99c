"""Text Embeddings Inference: `texts` in, a bare list out."""

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from pydantic import BaseModel

from secondpass.service.problems import Kind, Problem
from secondpass.service.requests import RerankRequest
from secondpass.service.results import Ranking
from secondpass.service.shapes.fields import DocumentField, RerankFields, parse, texts_of
from secondpass.service.shapes.shape import Shape, results

_ERROR_TYPES = {
    Kind.MALFORMED: "Validation",
    Kind.UNAUTHORIZED: "Unauthorized",
    Kind.UNKNOWN_MODEL: "ModelNotFound",
    Kind.TOO_SLOW: "Timeout",
    Kind.TOO_LARGE: "Validation",
    Kind.UNREADABLE: "Validation",
    Kind.INVALID: "Validation",
    Kind.OVERLOADED: "Overloaded",
    Kind.FAILED: "Backend",
    Kind.UNAVAILABLE: "Unhealthy",
}
# What TEI answers where its backend fails: 424 Failed Dependency.
TEI_BACKEND_FAILED = 424


class TeiFields(RerankFields):
    """A request of TEI's clients."""

    texts: list[DocumentField]


class Tei(Shape):
    """Text Embeddings Inference 1.9."""

    fields: ClassVar[type[BaseModel]] = TeiFields

    def read(self, body: Mapping[str, object]) -> RerankRequest:
        """The request."""
        fields = parse(TeiFields, body)
        texts = texts_of(fields.texts)
        request = fields.request(texts, shown=texts, shown_by_default=False)
        return replace(request, document_place="texts[{index}]")

    def answer(self, request: RerankRequest, ranking: Ranking) -> object:
        """`[{index, score, text?}]`."""
        return results(request, ranking, score="score", document="text")

    def error(self, problem: Problem) -> object:
        """`{error, error_type}`."""
        return {"error": problem.message, "error_type": _ERROR_TYPES[problem.kind]}

    def status(self, problem: Problem) -> int:
        """TEI's own status where its backend fails."""
        return TEI_BACKEND_FAILED if problem.kind is Kind.FAILED else super().status(problem)
