"""The service's OpenAPI document: its bodies are those of several APIs, which FastAPI cannot know."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from secondpass.service.problems import Kind
from secondpass.service.shapes import (
    DOCUMENTS_FIELDS,
    FIELD_PLACES,
    SHAPES,
    SHAPES_AT,
    TEI_BACKEND_FAILED,
    Shape,
    VllmScoreFields,
)
from secondpass.service.shapes.fields import RerankFields, given

_REF = "#/components/schemas/{model}"
_OBJECT = {"type": "object"}
_LIST = {"type": "array", "items": _OBJECT}


def _content(schema: dict[str, Any]) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}


def _names(*names: str) -> dict[str, Any]:
    return {"anyOf": [{"$ref": _REF.format(model=name)} for name in names]}


def _reranking(path: str, shapes: Sequence[Shape]) -> dict[str, Any]:
    """What a request for a ranking may be at a place, where some fields make it one of a certain API."""
    schema = _names(*dict.fromkeys(shape.fields.__name__ for shape in shapes))
    for field in (field for field, place in FIELD_PLACES.items() if place == path):
        owners = [shape.fields.__name__ for shape in shapes if field in shape.fields.model_fields]
        schema |= {"if": given("documents", field), "then": _names(*owners)}
    return schema


RERANK_BODIES: dict[str, dict[str, Any]] = {
    path: {"requestBody": {"required": True, **_content(_reranking(path, shapes))}}
    for path, shapes in SHAPES_AT.items()
}
SCORE_BODY = {"requestBody": {"required": True, **_content(_names(VllmScoreFields.__name__))}}

_REFUSALS = {kind.status: kind.meaning for kind in Kind} | {
    TEI_BACKEND_FAILED: "The model gave no scores (TEI's status for it)."
}
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"description": meaning, **_content(_OBJECT)} for status, meaning in sorted(_REFUSALS.items())
}
RERANKED: dict[int | str, dict[str, Any]] = {
    200: {"description": "The ranking, in the API of the request.", **_content({"anyOf": [_OBJECT, _LIST]})},
    **REFUSALS,
}
SCORED: dict[int | str, dict[str, Any]] = {
    200: {"description": "A score per pair, in the given order.", **_content(_OBJECT)},
    **REFUSALS,
}


def _fields_of_others(model: type[BaseModel]) -> dict[str, Any]:
    """What a request may hold of fields that only others have."""
    # Another place's field asks for nothing where it is null or empty, and is taken then.
    fields: dict[str, Any] = {name: {"enum": [None, []]} for name in FIELD_PLACES if name not in model.model_fields}
    if issubclass(model, RerankFields):
        fields |= {name: {"type": "null"} for name in DOCUMENTS_FIELDS if name not in model.model_fields}
    return fields


# The name of the security scheme in the document.
_KEY = "apiKey"


def describe(app: FastAPI, *, needs_key: bool) -> None:
    """Make the app's document hold the fields of all APIs, and how a key is sent where one is needed."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            fields: list[type[BaseModel]] = [*dict.fromkeys(shape.fields for shape in SHAPES), VllmScoreFields]
            _, schemas = models_json_schema([(model, "validation") for model in fields], ref_template=_REF)
            components = made.setdefault("components", {})
            components.setdefault("schemas", {}).update(schemas["$defs"])
            for model in fields:
                schemas["$defs"][model.__name__]["properties"] |= _fields_of_others(model)
            if needs_key:
                components["securitySchemes"] = {_KEY: {"type": "http", "scheme": "bearer"}}
                for path in made["paths"].values():
                    for operation in path.values():
                        if "401" in operation["responses"]:
                            operation["security"] = [{_KEY: []}]
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign] # as FastAPI's documentation says to extend it
