"""The requests that clients were seen to send, and what each of them needs in the answer."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
from client_requests import DOCS, DOCUMENTS, LISTS, MODEL, QUERY, RAW, RESULTS, SCORES, TEI
from serving import ask, overlap_app, post

from secondpass.service import Limits
from secondpass.service.problems import Problem
from secondpass.service.shapes import SHAPES

PLACES = ("/rerank", "/v1/rerank", "/v2/rerank")


@pytest.mark.parametrize(("path", "body", "n", "has_text"), LISTS.values(), ids=LISTS)
def test_clients_of_tei_get_a_list(path: str, body: Mapping[str, object], n: int, *, has_text: bool) -> None:
    answered = post(overlap_app(), path, body)
    assert answered.status_code == 200, answered.text
    expected: list[dict[str, object]] = [{"index": index, "score": SCORES[index]} for index in (0, 2, 1)[:n]]
    if has_text:
        expected = [{**result, "text": DOCUMENTS[int(str(result["index"]))]} for result in expected]
    assert answered.json() == expected


@pytest.mark.parametrize(("path", "body", "n", "form"), RESULTS.values(), ids=RESULTS)
def test_all_others_get_results(path: str, body: Mapping[str, object], n: int, form: str | None) -> None:
    answered = post(overlap_app(), path, body)
    assert answered.status_code == 200, answered.text
    results = answered.json()["results"]
    assert [(result["index"], result["relevance_score"]) for result in results] == [
        (index, SCORES[index]) for index in (0, 2, 1)[:n]
    ]
    for result in results:
        text = DOCUMENTS[result["index"]]
        assert result.get("document") == {None: None, "text": text, "object": {"text": text}}[form]
    assert answered.json()["model"] == "overlap"


@pytest.mark.parametrize(
    ("path", "body", "fields"),
    [
        ("/v2/rerank", DOCS, {"id": str, "meta": dict, "usage": dict}),
        ("/v1/rerank", DOCS, {"id": str, "meta": dict, "object": str, "usage": dict}),
        ("/v1/rerank", {**DOCS, "rank_fields": ["text"]}, {"id": str, "meta": dict}),
        ("/rerank", DOCS, {"id": str, "usage": dict}),
        ("/rerank", {**DOCS, "raw_scores": True}, {"id": str, "object": str, "usage": dict}),
        ("/v1/rerank", {**DOCS, "top_k": 3}, {"object": str, "data": list, "usage": dict}),
    ],
)
def test_answers_have_the_typed_fields_of_their_api(
    path: str, body: Mapping[str, object], fields: Mapping[str, type]
) -> None:
    answered = post(overlap_app(), path, body).json()
    assert {name: type(answered[name]) for name in fields} == fields
    if "usage" in fields:
        assert answered["usage"]["total_tokens"] > 0


def test_voyage_finds_its_data() -> None:
    # A null is what its own client sends where it is not told how many.
    for top_k, n in ((2, 2), (None, 3)):
        answered = post(overlap_app(), "/v1/rerank", {**DOCS, "top_k": top_k, "truncation": True}).json()
        assert [(result["index"], result["relevance_score"]) for result in answered["data"]] == [
            (index, SCORES[index]) for index in (0, 2, 1)[:n]
        ]


@pytest.mark.parametrize("path", ["/score", "/v1/score"])
@pytest.mark.parametrize(
    ("body", "raw"),
    [
        ({"text_1": QUERY, "text_2": DOCUMENTS}, RAW),
        ({"queries": QUERY, "documents": DOCUMENTS}, RAW),
        ({"text_1": [QUERY, "dog", "fox"], "text_2": DOCUMENTS}, [1.0, 1.0, 1.0]),
        ({"text_1": QUERY, "text_2": DOCUMENTS[2]}, [0.5]),
        ({"text_1": [QUERY], "text_2": []}, []),
    ],
)
def test_pairs_are_scored_in_their_order(path: str, body: Mapping[str, object], raw: list[float]) -> None:
    answered = post(overlap_app(), path, {**body, "use_activation": False}).json()
    assert (answered["object"], answered["model"]) == ("list", "overlap")
    assert answered["created"] > 1_700_000_000
    assert answered["data"] == [{"index": i, "object": "score", "score": score} for i, score in enumerate(raw)]
    mapped = post(overlap_app(), path, body).json()["data"]
    assert [result["score"] for result in mapped] == [SCORES[RAW.index(score)] for score in raw]


@pytest.mark.parametrize(
    ("path", "body"),
    [("/rerank", {"query": QUERY, "texts": []}), ("/v1/rerank", {"query": QUERY, "documents": []})],
)
def test_no_documents_get_an_empty_answer(path: str, body: Mapping[str, object]) -> None:
    answered = post(overlap_app(), path, body)
    assert answered.status_code == 200
    assert answered.json() == [] or answered.json()["results"] == []


def test_cohere_reads_the_fields_that_are_named_in_that_order() -> None:
    body = {
        "query": QUERY,
        "documents": [{"title": "fox", "colour": "red", "n": 1}, {"title": "dog"}, "red fox"],
        "rank_fields": ["colour", "title"],
        "return_documents": True,
    }
    results = post(overlap_app(), "/v1/rerank", {**body, "raw_scores": True}).json()["results"]
    assert [(result["index"], result["relevance_score"]) for result in results] == [(0, 1.0), (2, 1.0), (1, 0.0)]
    assert results[0]["document"] == {"title": "fox", "colour": "red", "n": 1}
    assert results[1]["document"] == {"text": "red fox"}


def test_coheres_own_client_is_known_by_its_name() -> None:
    headers = {"user-agent": "cohere/5.21.1"}
    results = post(overlap_app(), "/v1/rerank", {**MODEL, "top_n": 2}, headers=headers).json()["results"]
    assert [set(result) for result in results] == [{"index", "relevance_score"}] * 2


# Its `infinity` fails on documents that are objects, its `hosted_vllm` on strings.
@pytest.mark.parametrize(("field", "form"), [({}, None), ({"max_tokens_per_doc": 99}, dict)])
def test_litellm_gets_documents_where_one_of_its_providers_alone_sends_that(
    field: Mapping[str, object], form: type | None
) -> None:
    body = {**MODEL, "top_n": 2, "return_documents": True, **field}
    answered = post(overlap_app(), "/rerank", body, headers={"user-agent": "litellm/1.110.2"}).json()
    assert [result["index"] for result in answered["results"]] == [0, 2]
    forms = [type(result["document"]) if "document" in result else None for result in answered["results"]]
    assert forms == [form, form]


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/rerank", {"texts": ["a"]}, "query must be given"),
        ("/rerank", {"query": "q", "texts": "a"}, "texts must be a list, got a string"),
        ("/rerank", {"query": "q", "texts": ["a", 5]}, "texts[1] must be a string, got 5"),
        ("/rerank", {"query": ["q"], "texts": ["a"]}, "query must be a string, got an array"),
        ("/rerank", {"query": None, "texts": ["a"]}, "query must be a string, got null"),
        ("/rerank", {"query": "q"}, "documents (or texts) must be given"),
        ("/rerank", {"query": "q", "texts": None}, "documents (or texts) must be given"),
        ("/v1/rerank", {**DOCS, "texts": ["a"]}, "texts and documents must not both be given"),
        ("/rerank", {**DOCS, "top_n": -1}, "top_n must be at least 0, got -1"),
        ("/rerank", {**DOCS, "top_n": 1.5}, "top_n must be an integer, got 1.5"),
        ("/rerank", {**DOCS, "top_n": "many"}, "top_n must be an integer, got a string"),
        ("/rerank", {**DOCS, "top_n": True}, "top_n must be a number, got true"),
        ("/rerank", {**DOCS, "return_documents": "no"}, "return_documents must be true or false, got a string"),
        ("/v1/rerank", {**DOCS, "rank_fields": []}, "rank_fields must be a list of at least 1, got an array"),
        ("/v2/rerank", {**DOCS, "relevant_spans": True}, "relevant_spans must be an object, got true"),
        ("/v2/rerank", {**DOCS, "relevant_spans": {"threshold": "a"}}, "relevant_spans.threshold must be a number"),
        ("/v2/rerank", {**DOCS, "relevant_spans": {"threshold": True}}, "relevant_spans.threshold must be a number"),
        ("/v1/rerank", {"query": "q", "documents": [{"title": "a"}]}, "documents[0].text must be given"),
        ("/v1/rerank", {"query": "q", "documents": [{"text": []}]}, "documents[0].text must be a string"),
        ("/v1/rerank", {"query": "q", "documents": [{"a": 1}], "rank_fields": ["b"]}, "documents[0] must have one of"),
        ("/v2/rerank", {**DOCS, "max_tokens_per_doc": -1}, "max_tokens_per_doc must be at least 0, got -1"),
        ("/v2/rerank", {**DOCS, "relevant_spans": {"max_spans": 0}}, "relevant_spans.max_spans must be at least 1"),
        ("/rerank", {**DOCS, "relevant_spans": {}}, "relevant_spans must be sent to /v2/rerank, with documents"),
        ("/v2/rerank", {**TEI, "relevant_spans": {}}, "relevant_spans must be sent to /v2/rerank, with documents"),
        ("/score", {"text_1": "a", "text_2": "b", "relevant_spans": {}}, "relevant_spans must be sent to /v2/rerank"),
        ("/v2/rerank", {**DOCS, "rank_fields": ["a"]}, "rank_fields must be sent to /v1/rerank, with documents"),
        ("/rerank", {**TEI, "truncation_direction": "Up"}, "truncation_direction must be one of 'Left'"),
        ("/score", {"text_1": "a"}, "text_2 must be given"),
        ("/score", {"text_1": "a", "text_2": [{"title": "b"}]}, "text_2[0].text must be given"),
        ("/score", {"queries": ["a"], "documents": ["b", None]}, "documents[1] must be a string, got null"),
        ("/score", {"queries": {"text": 1}, "documents": "b"}, "queries.text must be a string, got 1"),
        (
            "/score",
            {"text_1": "a", "text_2": "b", "queries": "x", "documents": "y"},
            "queries must come without text_1: pairs are given in one spelling",
        ),
        ("/score", {"text_1": "a", "documents": "y"}, "documents must come without text_1"),
        ("/score", {"text_1": ["a", "b"], "text_2": ["c"]}, "text_1 must be one text, or as many as text_2, got 2 for"),
    ],
)
def test_a_broken_rule_is_told_in_the_words_of_the_api(path: str, body: Mapping[str, object], message: str) -> None:
    answered = post(overlap_app(), path, body)
    assert answered.status_code == 422
    assert message in _message(answered.json())


@pytest.mark.parametrize(
    ("path", "field", "message"),
    [
        ("/v1/rerank", '"documents": [{"text": "a", "n": 1e400}]', "documents[0].n must be a finite number, got inf"),
        ("/v1/rerank", '"documents": ["a", {"text": "a", "n": [{"m": -1e400}]}]', "documents[1].n[0].m must be a fin"),
        ("/v2/rerank", '"documents": [], "relevant_spans": {"threshold": 1e400}', "relevant_spans.threshold must be a"),
        ("/rerank", '"documents": [], "top_n": 1e400', "top_n must be a finite number, got inf"),
    ],
)
def test_a_number_that_is_too_large_for_any_is_named(path: str, field: str, message: str) -> None:
    content = f'{{"query": "q", "return_documents": true, "rank_fields": null, {field}}}'
    headers = {"user-agent": "cohere/5.21.1"}  # whose documents may be objects of several fields
    refused = ask(overlap_app(), "POST", path, content=content, headers=headers)
    assert refused.status_code == 422
    assert message in _message(refused.json())


@pytest.mark.parametrize("value", [True, 1.5, -5, "word", [], [True], {}, {"text": 1}, 10**30])
def test_every_rule_is_in_words_of_ours(value: object) -> None:
    told = {}
    for shape in SHAPES:
        for name in shape.fields.model_fields:
            try:
                shape.read({"query": "q", "documents": ["a"], "texts": ["a"], name: value})
            except Problem as problem:
                told[problem.message] = name
    ours = r"\S* must (be given|be (a|an|at least|one of|true or false)\b.*|have one of .*)"
    assert [message for message, name in told.items() if not re.fullmatch(name + ours, message)] == []
    assert [message for message in told if "valid" in message] == []


@pytest.mark.parametrize(
    ("path", "name"),
    sorted(
        {(path, name) for path in PLACES for shape in SHAPES for name in shape.fields.model_fields}
        - {(path, name) for path in PLACES for name in ("query", "documents")}
        - {("/v1/rerank", "top_k")}  # by which Voyage's client is known
    ),
)
def test_a_null_is_as_absent(path: str, name: str) -> None:
    answers = [post(overlap_app(), path, {**DOCS, **field}).json() for field in ({}, {name: None})]
    assert answers[0].keys() == answers[1].keys()
    assert answers[0]["results"] == answers[1]["results"]


@pytest.mark.parametrize("path", PLACES)
@pytest.mark.parametrize("value", [0, -1, 10, "many", None])
def test_max_chunks_per_doc_is_ignored_everywhere(path: str, value: object) -> None:
    results = [
        post(overlap_app(), path, {**DOCS, **more}).json()["results"] for more in ({}, {"max_chunks_per_doc": value})
    ]
    ranked = [[(result["index"], result["relevance_score"]) for result in each] for each in results]
    assert ranked[0] == ranked[1]


@pytest.mark.parametrize("documents", ["texts", "documents"])
@pytest.mark.parametrize("path", ["/rerank", "/v1/rerank", "/v2/rerank"])
@pytest.mark.parametrize("name", ["top_n", "top_k"])
def test_a_limit_of_0_is_none(path: str, name: str, documents: str) -> None:
    answered = post(overlap_app(), path, {"query": QUERY, documents: DOCUMENTS, name: 0})
    assert answered.status_code == 200
    assert len(answered.json() if documents == "texts" else answered.json()["results"]) == len(DOCUMENTS)


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("/rerank", {"query": "q", "texts": ["a", "b" * 9]}, "texts[1]"),
        ("/rerank", {"query": "q", "documents": ["a", "b" * 9]}, "documents[1]"),
        ("/rerank", {"query": "q" * 9, "texts": ["a"]}, "query"),
        ("/score", {"text_1": "a", "text_2": ["b", "b" * 9]}, "text_2[1]"),
        ("/score", {"text_1": "a", "text_2": "b" * 9}, "text_2"),
        ("/score", {"text_1": "a" * 9, "text_2": ["b"]}, "text_1"),
        ("/score", {"text_1": ["a", "a" * 9], "text_2": ["b", "b"]}, "text_1[1]"),
        ("/score", {"queries": ["a" * 9], "documents": ["b", "b"]}, "queries[0]"),
    ],
)
def test_a_text_is_named_as_the_request_has_it(path: str, body: Mapping[str, object], named: str) -> None:
    refused = post(overlap_app(limits=Limits(max_text_characters=8)), path, body)
    assert refused.status_code == 422
    assert _message(refused.json()) == f"{named} must have at most 8 characters, got 9"


@pytest.mark.parametrize(
    ("path", "body", "keys"),
    [
        ("/rerank", {"texts": [1]}, {"error", "error_type"}),
        ("/rerank", {"documents": [1]}, {"error"}),
        ("/v1/rerank", {"documents": [1]}, {"detail", "message"}),
        ("/v1/rerank", {"documents": [1], "top_k": 1}, {"detail"}),
        ("/v1/rerank", {"documents": [1], "max_chunks_per_doc": 1}, {"message"}),
        ("/v2/rerank", {"documents": [1]}, {"message"}),
        ("/score", {}, {"error"}),
    ],
)
def test_errors_have_the_shape_of_the_api_that_was_spoken(
    path: str, body: Mapping[str, object], keys: set[str]
) -> None:
    answered = post(overlap_app(), path, body).json()
    assert answered.keys() == keys
    if isinstance(answered.get("error"), dict):
        assert answered["error"].keys() == {"message", "type", "param", "code"}
        assert answered["error"]["code"] == 422


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/rerank", {**TEI, "model": "other"}),
        ("/rerank", {**DOCS, "model": "other"}),
        ("/v1/rerank", {**DOCS, "model": "other"}),
        ("/v2/rerank", {**DOCS, "model": "other"}),
        ("/score", {"text_1": "a", "text_2": "b", "model": "other"}),
    ],
)
def test_a_model_that_is_not_served_is_not_found(path: str, body: Mapping[str, object]) -> None:
    answered = post(overlap_app(), path, body)
    assert answered.status_code == 404
    assert "model must be one of overlap, rerank-v3.5, got 'other'" in _message(answered.json())


def _message(answered: Any) -> str:
    """The message of an error in any shape."""
    told = answered.get("message") or answered.get("detail") or answered["error"]
    return str(told["message"] if isinstance(told, dict) else told)
