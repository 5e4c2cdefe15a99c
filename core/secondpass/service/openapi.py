"""The service's OpenAPI document: its bodies are those of several APIs, which FastAPI cannot know."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from secondpass.service.shapes import SHAPES, VllmScoreFields

_REF = "#/components/schemas/{model}"
_OBJECT = {"type": "object"}
_LIST = {"type": "array", "items": _OBJECT}


def _content(schema: dict[str, Any]) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}


def _names(*names: str) -> dict[str, Any]:
    return {"anyOf": [{"$ref": _REF.format(model=name)} for name in names]}


RERANK_BODY = {"requestBody": {"required": True, **_content(_names(*(shape.fields.__name__ for shape in SHAPES)))}}
SCORE_BODY = {"requestBody": {"required": True, **_content(_names(VllmScoreFields.__name__))}}

_REFUSALS = {
    400: "The body is no JSON object.",
    401: "The API key is missing or unknown.",
    404: "No model of that name is served.",
    408: "The body did not arrive in time.",
    413: "The request is larger than this server takes.",
    415: "The body is in an encoding that is not read.",
    422: "A field breaks a rule.",
    424: "The model gave no scores (TEI's status for it).",
    429: "Too much waits already; Retry-After says for how long.",
    500: "The model gave no scores.",
    503: "The server is about to stop.",
}
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"description": text, **_content(_OBJECT)} for status, text in _REFUSALS.items()
}
RERANKED: dict[int | str, dict[str, Any]] = {
    200: {"description": "The ranking, in the API of the request.", **_content({"anyOf": [_OBJECT, _LIST]})},
    **REFUSALS,
}
SCORED: dict[int | str, dict[str, Any]] = {
    200: {"description": "A score per pair, in the given order.", **_content(_OBJECT)},
    **REFUSALS,
}


def describe_bodies(app: FastAPI) -> None:
    """Make the app's document hold the fields of all APIs."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            fields: list[type[BaseModel]] = [*(shape.fields for shape in SHAPES), VllmScoreFields]
            _, schemas = models_json_schema([(model, "validation") for model in fields], ref_template=_REF)
            made.setdefault("components", {}).setdefault("schemas", {}).update(schemas["$defs"])
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign] # as FastAPI's documentation says to extend it
