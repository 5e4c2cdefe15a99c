"""Text Embeddings Inference: `texts` in, a bare list out."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import BaseModel

from secondpass.service.problems import Kind, Problem
from secondpass.service.rerank_request import Ranking, RerankRequest
from secondpass.service.shapes.shape import CountField, DocumentField, Fields, Shape, parse, texts_of

_ERROR_TYPES = {
    Kind.MALFORMED: "Validation",
    Kind.UNAUTHORIZED: "Unauthorized",
    Kind.UNKNOWN_MODEL: "ModelNotFound",
    Kind.TOO_SLOW: "Timeout",
    Kind.TOO_LARGE: "Validation",
    Kind.INVALID: "Validation",
    Kind.OVERLOADED: "Overloaded",
    Kind.FAILED: "Backend",
    Kind.UNAVAILABLE: "Unhealthy",
}
# What TEI answers where its backend fails: 424 Failed Dependency.
_BACKEND_FAILED = 424


class TeiFields(Fields):
    """A request of TEI's clients; some also send the fields of other APIs, which mean there what they say."""

    query: str
    texts: list[DocumentField]
    raw_scores: bool | None = None
    return_text: bool | None = None
    truncate: bool | None = None
    truncation_direction: Literal["Left", "Right", "left", "right"] | None = None
    model: str | None = None
    top_n: CountField | None = None
    top_k: CountField | None = None
    instruction: str | None = None


class Tei(Shape):
    """Text Embeddings Inference 1.9."""

    name: ClassVar[str] = "TEI"
    fields: ClassVar[type[BaseModel]] = TeiFields

    def read(self, body: Mapping[str, object]) -> RerankRequest:
        """The request."""
        fields = parse(TeiFields, body)
        texts = texts_of(fields.texts)
        direction = fields.truncation_direction
        return RerankRequest(
            query=fields.query,
            documents=texts,
            shown=texts if fields.return_text else None,
            model=fields.model,
            top_k=fields.top_n if fields.top_k is None else fields.top_k,
            raw_scores=bool(fields.raw_scores),
            truncate=fields.truncate is not False,
            truncation_side=None if direction is None else "left" if direction.lower() == "left" else "right",
            instruction=fields.instruction,
        )

    def answer(self, request: RerankRequest, ranking: Ranking) -> object:
        """`[{index, score, text?}]`."""
        answered: list[dict[str, object]] = []
        for document in ranking.ranked:
            result: dict[str, object] = {"index": document.index, "score": document.score}
            if request.shown is not None:
                result["text"] = request.shown[document.index]
            answered.append(result)
        return answered

    def error(self, problem: Problem) -> object:
        """`{error, error_type}`."""
        return {"error": problem.message, "error_type": _ERROR_TYPES[problem.kind]}

    def status(self, problem: Problem) -> int:
        """TEI's own status where its backend fails."""
        return _BACKEND_FAILED if problem.kind is Kind.FAILED else super().status(problem)
