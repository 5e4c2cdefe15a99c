"""Cohere's first API: documents may be objects of several fields."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Discriminator, Field, JsonValue, Tag

from secondpass.service.problems import Problem, invalid
from secondpass.service.requests import RerankRequest
from secondpass.service.results import Ranking
from secondpass.service.shapes.fields import OBJECT, TEXT, RerankFields, form, given, parse
from secondpass.service.shapes.shape import Shape, new_id, results, usage

# Without `rank_fields` the text of each document is read.
_TEXT_FIELD: dict[str, Any] = {"required": ["text"], "properties": {"text": {"type": ["string", "number", "boolean"]}}}
_WITH_TEXTS: dict[str, Any] = {"properties": {"documents": {"items": {"if": {"type": "object"}, "then": _TEXT_FIELD}}}}


class CohereV1Fields(RerankFields):
    """A request of Cohere's first API; `max_chunks_per_doc` is left alone, for documents are not read in its chunks."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [given("rank_fields"), _WITH_TEXTS]})

    documents: list[
        Annotated[Annotated[str, Tag(TEXT)] | Annotated[dict[str, JsonValue], Tag(OBJECT)], Discriminator(form)]
    ]
    rank_fields: Annotated[list[str], Field(min_length=1)] | None = None


class CohereV1(Shape):
    """Cohere's `/v1/rerank`."""

    fields: ClassVar[type[BaseModel]] = CohereV1Fields

    def read(self, body: Mapping[str, object]) -> RerankRequest:
        """The request."""
        fields = parse(CohereV1Fields, body)
        for index, document in enumerate(fields.documents):
            _check_finite(f"documents[{index}]", document)
        ranked_by = fields.rank_fields or ["text"]
        texts = tuple(_text(index, document, ranked_by) for index, document in enumerate(fields.documents))
        shown = tuple({"text": given} if isinstance(given, str) else given for given in fields.documents)
        return fields.request(texts, shown=shown, shown_by_default=False)

    def answer(self, request: RerankRequest, ranking: Ranking) -> object:
        """`{id, model, results, meta, usage}`; model and usage are Jina's, which clients of hers expect here."""
        return {
            "id": new_id(),
            "model": ranking.model,
            "results": results(request, ranking),
            "meta": {"api_version": {"version": "1"}, "billed_units": {"search_units": 1}},
            "usage": usage(ranking.n_tokens),
        }

    def error(self, problem: Problem) -> object:
        """`{message}`."""
        return {"message": problem.message}


def _check_finite(place: str, value: JsonValue) -> None:
    """Raise Problem if a number is too large for any computer's: the answer repeats objects as they are."""
    if isinstance(value, dict):
        for name, inner in value.items():
            _check_finite(f"{place}.{name}", inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _check_finite(f"{place}[{index}]", inner)
    elif isinstance(value, float) and not math.isfinite(value):
        raise invalid(f"{place} must be a finite number, got {value}", place)


def _text(index: int, document: str | Mapping[str, JsonValue], ranked_by: list[str]) -> str:
    """What is read of a document: its text, or the values of these fields of an object, a line each."""
    if isinstance(document, str):
        return document
    values = []
    for name in ranked_by:
        value = document.get(name)
        if value is None:
            continue
        if not isinstance(value, str | int | float):
            raise invalid(f"documents[{index}].{name} must be a string", f"documents[{index}].{name}")
        values.append(str(value))
    if not values:
        raise invalid(f"documents[{index}] must have one of the fields {', '.join(ranked_by)}", f"documents[{index}]")
    return "\n".join(values)
