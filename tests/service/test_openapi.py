"""The OpenAPI document says what the service does: whatever it allows, and whatever it does not, is answered."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema_rs import Draft202012Validator
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from serving import ask, overlap_app, post

from secondpass.service import ServedModel, create_app
from secondpass.service.shapes import FIELD_PLACES, SHAPES
from secondpass.testing import OverlapScorer

load_all_checks()
APP = create_app([ServedModel(name="overlap", scorer=OverlapScorer())])
SCHEMA = schemathesis.openapi.from_dict(APP.openapi())


@pytest.fixture(scope="module", autouse=True)
def _the_service_ends() -> Iterator[None]:
    yield
    APP.state.service.close()


@pytest.mark.filterwarnings("ignore")
@SCHEMA.parametrize()
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_the_document_allows_is_answered_as_it_says(case: "schemathesis.Case[Any]") -> None:
    answered = ask(APP, **case.as_transport_kwargs(base_url="http://service"))
    assert answered.status_code < 500
    case.validate_response(
        answered, checks=[status_code_conformance, content_type_conformance, response_schema_conformance]
    )


def test_every_api_is_in_the_document() -> None:
    document = ask(APP, "GET", "/openapi.json").json()
    assert {shape.fields.__name__ for shape in SHAPES} <= document["components"]["schemas"].keys()
    assert {"/rerank", "/v1/rerank", "/v2/rerank", "/score", "/info", "/health", "/ready", "/metrics"} <= document[
        "paths"
    ].keys()


DOCS = {"query": "red fox", "documents": ["a red fox"]}


@pytest.mark.parametrize(
    ("path", "body", "is_taken"),
    [
        ("/v2/rerank", {**DOCS, "relevant_spans": {"threshold": "0.5"}}, True),
        ("/v2/rerank", {**DOCS, "relevant_spans": []}, False),
        ("/v2/rerank", {**DOCS, "rank_fields": ["text"]}, False),
        ("/rerank", {**DOCS, "relevant_spans": {}}, False),
        ("/rerank", {**DOCS, "relevant_spans": []}, True),
        ("/rerank", {**DOCS, "top_n": "3", "truncate_prompt_tokens": "-1"}, True),
        ("/rerank", {**DOCS, "top_n": "many"}, False),
        ("/v1/rerank", {**DOCS, "rank_fields": ["text"], "max_chunks_per_doc": 0}, True),
        ("/v1/rerank", {"query": "red fox", "texts": ["a red fox"], "rank_fields": ["text"]}, False),
        ("/score", {"text_1": "a", "text_2": "b", "relevant_spans": {}}, False),
        ("/v1/rerank", {**DOCS, "rank_fields": []}, False),
        ("/v1/rerank", {"query": "red fox", "texts": ["a red fox"], "rank_fields": []}, True),
        ("/rerank", {**DOCS, "rank_fields": []}, True),
        ("/v1/rerank", {"query": "red fox", "documents": [{"title": "a red fox"}]}, False),
        ("/v1/rerank", {"query": "red fox", "documents": [{"title": "a red fox"}], "rank_fields": ["title"]}, True),
        ("/v1/rerank", {"query": "red fox", "documents": [{"text": "a red fox"}, ""], "rank_fields": None}, True),
        ("/score", {}, False),
        ("/score", {"text_1": "a", "text_2": None}, False),
        ("/score", {"text_1": "a", "documents": ["b"]}, False),
        ("/score", {"queries": "a", "documents": ["b"], "text_2": "b"}, False),
        ("/score", {"queries": "a", "documents": ["b"], "text_2": None}, True),
        ("/v1/rerank", {**DOCS, "texts": ["a"]}, False),
        ("/rerank", {**DOCS, "texts": []}, False),
        ("/v2/rerank", {**DOCS, "texts": None}, True),
        ("/rerank", {"query": "red fox", "texts": ["a red fox"], "documents": None}, True),
    ],
)
def test_the_document_allows_what_is_taken_and_forbids_what_is_not(
    path: str, body: dict[str, object], *, is_taken: bool
) -> None:
    document = APP.openapi()
    schema = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    validator = Draft202012Validator({**schema, "components": document["components"]})
    assert validator.is_valid(body) == is_taken
    assert post(APP, path, body).status_code == (200 if is_taken else 422)


def test_the_document_is_the_same_at_every_start() -> None:
    """Fields of other places stand in their own order, and not in that of a set, which each process shuffles."""
    for shape in SHAPES:
        properties = APP.openapi()["components"]["schemas"][shape.fields.__name__]["properties"]
        others = [name for name in FIELD_PLACES if name not in shape.fields.model_fields]
        assert [name for name in properties if name in others] == others


def test_the_document_says_how_a_key_is_sent_where_one_is_needed() -> None:
    document = overlap_app(api_keys=["secret"]).openapi()
    (name,) = document["components"]["securitySchemes"]
    assert document["components"]["securitySchemes"][name] == {"type": "http", "scheme": "bearer"}
    needing = {
        path
        for path, operations in document["paths"].items()
        for operation in operations.values()
        if operation.get("security") == [{name: []}]
    }
    assert needing == {
        "/rerank",
        "/v1/rerank",
        "/v2/rerank",
        "/score",
        "/v1/score",
        "/info",
        "/v1/models",
    }
    assert "securitySchemes" not in APP.openapi()["components"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NAMES = sorted({name for shape in SHAPES for name in shape.fields.model_fields} | {"texts", "text_1", "text_2"})


@given(
    st.sampled_from(["/rerank", "/v1/rerank", "/v2/rerank", "/score"]),
    st.dictionaries(st.sampled_from(NAMES), JSON, max_size=6),
)
@settings(max_examples=80, deadline=None)
def test_any_values_in_known_fields_are_answered(path: str, body: dict[str, object]) -> None:
    answered = post(APP, path, body)
    assert answered.status_code in {200, 404, 422}
    assert isinstance(answered.json(), dict | list)


def test_a_good_body_with_a_few_bytes_changed_is_answered() -> None:
    chance = random.Random(5)  # noqa: S311 - for a test
    good = b'{"query": "red fox", "documents": ["a red fox", {"text": "a dog"}], "top_n": 2, "model": null}'
    seen = set()
    for _ in range(150):
        body: Any = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            body[chance.randrange(len(body))] = chance.randrange(256)
        answered = ask(APP, "POST", chance.choice(["/rerank", "/v1/rerank", "/v2/rerank"]), content=bytes(body))
        seen.add(answered.status_code)
        assert answered.status_code in {200, 400, 404, 422}
        answered.json()
    assert seen >= {200, 400, 422}
