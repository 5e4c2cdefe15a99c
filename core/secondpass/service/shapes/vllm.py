"""vLLM: `/rerank`, whose answers always hold the documents, and `/score`, which takes pairs."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from secondpass.ranking import Pair
from secondpass.service.problems import Kind, Problem, invalid
from secondpass.service.requests import RerankRequest, ScoreRequest
from secondpass.service.results import PairScores, Ranking
from secondpass.service.shapes.fields import (
    DocumentOrListField,
    DocumentsFields,
    OptionFields,
    TextObject,
    given,
    parse,
    text_of,
    texts_of,
)
from secondpass.service.shapes.shape import Shape, error_object, new_id, rerank_object, text_objects, usage

_ERROR_TYPES = {
    Kind.UNAUTHORIZED: "Unauthorized",
    Kind.UNKNOWN_MODEL: "NotFoundError",
    Kind.OVERLOADED: "RateLimitError",
    Kind.FAILED: "InternalServerError",
    Kind.UNAVAILABLE: "ServiceUnavailableError",
}


class VllmFields(DocumentsFields):
    """A request of vLLM's `/rerank`."""


# The fields of pairs, in either spelling.
_SPELLINGS = (("queries", "documents"), ("text_1", "text_2"))


class VllmScoreFields(OptionFields):
    """A request of vLLM's `/score`, in either of its spellings."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {**given(*names), "not": {"anyOf": [given(other) for other in others]}}
                for names, others in (_SPELLINGS, _SPELLINGS[::-1])
            ]
        }
    )

    text_1: DocumentOrListField | None = None
    text_2: DocumentOrListField | None = None
    queries: DocumentOrListField | None = None
    documents: DocumentOrListField | None = None


class Vllm(Shape):
    """vLLM's `/rerank`, and its `/score`."""

    fields: ClassVar[type[BaseModel]] = VllmFields

    def read(self, body: Mapping[str, object]) -> RerankRequest:
        """The request."""
        fields = parse(VllmFields, body)
        texts = texts_of(fields.documents)
        return fields.request(texts, shown=text_objects(texts), shown_by_default=True)

    def answer(self, request: RerankRequest, ranking: Ranking) -> object:
        """`{id, object, model, usage, results}`."""
        return rerank_object(request, ranking)

    def error(self, problem: Problem) -> object:
        """`{error: {message, type, param, code}}`."""
        return error_object(problem, _ERROR_TYPES.get(problem.kind, "BadRequestError"))

    def read_score_request(self, body: Mapping[str, object]) -> ScoreRequest:
        """A request of `/score`.

        Raises:
            Problem: A field breaks a rule.
        """
        fields = parse(VllmScoreFields, body)
        new, old = ([name for name in names if getattr(fields, name) is not None] for names in _SPELLINGS)
        if new and old:
            raise invalid(f"{new[0]} must come without {old[0]}: pairs are given in one spelling", new[0])
        names = _SPELLINGS[0 if new else 1]
        queries, documents = (_texts(name, getattr(fields, name)) for name in names)
        pairs = _pairs(names, queries, documents)
        query_place, document_place = (_place(name, getattr(fields, name)) for name in names)
        return ScoreRequest(
            pairs=pairs, options=fields.options(), query_place=query_place, document_place=document_place
        )

    def answer_pairs(self, scores: PairScores, created: int) -> object:
        """`{id, object, created, model, data: [{index, object, score}], usage}`; `created` in seconds since 1970."""
        return {
            "id": new_id("score-"),
            "object": "list",
            "created": created,
            "model": scores.model,
            "data": [{"index": index, "object": "score", "score": score} for index, score in enumerate(scores.scores)],
            "usage": usage(scores.n_tokens),
        }


def _texts(name: str, given: str | TextObject | list[str | TextObject] | None) -> tuple[str, ...]:
    if given is None:
        raise invalid(f"{name} must be given", name)
    return texts_of(given) if isinstance(given, list) else (text_of(given),)


def _place(name: str, given: str | TextObject | list[str | TextObject]) -> str:
    """What a request calls a text of a pair; one in a list may be that of every pair."""
    if not isinstance(given, list):
        return name
    return f"{name}[0]" if len(given) == 1 else f"{name}[{{index}}]"


def _pairs(names: tuple[str, str], queries: tuple[str, ...], documents: tuple[str, ...]) -> tuple[Pair, ...]:
    """Each query with its document; a single query with every document."""
    if len(queries) == 1:
        queries *= len(documents)
    if len(queries) != len(documents):
        raise invalid(
            f"{names[0]} must be one text, or as many as {names[1]}, got {len(queries)} for {len(documents)}", names[0]
        )
    return tuple(zip(queries, documents, strict=True))
