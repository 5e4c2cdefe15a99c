"""What one API has a field for may be asked of each of them: no place drops a field that changes scores."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from serving import Recorder, app_of, post

from secondpass.ranking import Pair, Passage, Readings
from secondpass.service import Limits


class Reader(Recorder):
    """A scorer by length that says what it read: the first ten words of a document."""

    def read(self, pairs: Sequence[Pair]) -> Readings:
        truncated = np.array([len(document.split()) > 10 for _, document in pairs])
        scores = np.array(self.predict(pairs), np.float32)
        return Readings(scores, truncated, [Passage(0, len(document), 1.0) for _, document in pairs])


class Limited(Recorder):
    """One that reads 40 tokens of a pair, and does not say which texts had more."""

    max_length = 40


QUERY, DOCUMENTS = "red fox", ["a fox", "a red fox"]
LONG = "abc " * 20

# The API that is spoken -> where, the field of the documents, and what it is known by.
PLACES: Mapping[str, tuple[str, str, Mapping[str, object]]] = {
    "TEI": ("/rerank", "texts", {}),
    "TEI at /v2": ("/v2/rerank", "texts", {}),
    "Cohere v2": ("/v2/rerank", "documents", {}),
    "Cohere v1": ("/v1/rerank", "documents", {"rank_fields": ["text"]}),
    "Jina": ("/v1/rerank", "documents", {}),
    "vLLM": ("/rerank", "documents", {}),
    "vLLM at /v1": ("/v1/rerank", "documents", {"truncation_side": "right"}),
    "infinity": ("/rerank", "documents", {"raw_scores": False}),
    "Voyage": ("/v1/rerank", "documents", {"top_k": 9}),
    "pairs": ("/score", "text_2", {"text_1": QUERY}),
}
everywhere = pytest.mark.parametrize("place", PLACES)


class Asked:
    """Requests to one place."""

    def __init__(self, place: str) -> None:
        self.scorer = Reader()
        self._app = app_of(self.scorer)
        self._path, self._documents, self._sign = PLACES[place]

    def __call__(self, documents: Sequence[str], **fields: object) -> Any:
        return post(self._app, self._path, {"query": QUERY, self._documents: documents, **self._sign, **fields})


def scores(answered: Any) -> list[float]:
    content = answered.json()
    results = content if isinstance(content, list) else content.get("results") or content["data"]
    return sorted(result.get("score", result.get("relevance_score")) for result in results)


@everywhere
def test_raw_scores_are_the_models_own(place: str) -> None:
    asked = Asked(place)
    assert all(0 < score <= 1 for score in scores(asked(DOCUMENTS)))
    for field in ({"raw_scores": True}, {"use_activation": False}):
        assert scores(asked(DOCUMENTS, **field)) == [5.0, 9.0], field


@everywhere
def test_another_instruction_than_the_models_is_refused(place: str) -> None:
    refused = Asked(place)(DOCUMENTS, instruction="be brief")
    assert refused.status_code == 422
    assert "instruction must be left out: tested was loaded without one" in refused.text


@everywhere
def test_texts_are_read_up_to_the_requests_own_limits(place: str) -> None:
    asked = Asked(place)
    for limit, n_of_query, n_of_document in (
        ({"max_tokens_per_doc": 5}, 7, 20),  # four bytes per token
        ({"max_tokens_per_query": 1}, 4, 80),
        ({"truncate_prompt_tokens": 11}, 7, 20),  # of which 2 are the query's and 4 special tokens
        ({"max_tokens_per_doc": 0, "max_tokens_per_query": 0, "truncate_prompt_tokens": -1}, 7, 80),
    ):
        answered = asked([LONG], **limit)
        ((query, document),) = asked.scorer.passes[-1]
        assert (len(query), len(document)) == (n_of_query, n_of_document), limit
        assert answered.headers["x-truncated"] == "1"


@everywhere
def test_texts_that_must_not_be_truncated_are_refused_where_they_would_be(place: str) -> None:
    asked, documents = Asked(place), PLACES[place][1]
    too_long = f"{documents}[1] and the query are too long for tested"
    from_the_left = "truncation_direction (or truncation_side) must be right for texts that do not fit, such as"
    for field, message in (
        ({"truncate": False}, too_long),
        ({"truncation": False}, too_long),
        ({"truncation_side": "left"}, f"{from_the_left} {documents}[1], got left"),
        ({"truncation_direction": "Left"}, f"{from_the_left} {documents}[1], got left"),
    ):
        refused = asked(["a fox", LONG], **field)
        assert (refused.status_code, message in refused.text) == (422, True), field
        assert asked(["a fox", "a dog"], **field).status_code == 200, field
    refused = asked(["a fox", "a dog"], truncate=False, max_tokens_per_doc=1)
    assert f"{documents}[0] and the query have more tokens than max_tokens_per_doc allows" in refused.text


@pytest.mark.parametrize(
    ("scorer", "n_characters", "status"),
    [
        (Limited(), 40 - 4 - len(QUERY), 200),  # no token has less than a byte, and there are 4 special ones
        (Limited(), 41 - 4 - len(QUERY), 422),
        (Recorder(), 1, 422),
    ],
)
def test_where_nothing_says_what_was_truncated_only_what_surely_fits_is_taken(
    scorer: Recorder, n_characters: int, status: int
) -> None:
    body = {"query": QUERY, "texts": ["x" * n_characters], "truncate": False}
    assert post(app_of(scorer), "/rerank", body).status_code == status


@pytest.mark.parametrize(("scorer", "status"), [(Limited(), 200), (Recorder(), 413)])
def test_no_more_tokens_wait_than_are_read(scorer: Recorder, status: int) -> None:
    app = app_of(scorer, limits=Limits(max_queued_tokens=50))
    assert post(app, "/rerank", {"query": QUERY, "texts": ["x" * 4000]}).status_code == status


@pytest.mark.parametrize("place", [place for place in PLACES if place != "pairs"])
def test_no_more_documents_come_back_than_either_field_allows(place: str) -> None:
    asked = Asked(place)
    for fields in ({"top_n": 1}, {"top_k": 1}, {"top_n": 2, "top_k": 1}, {"top_n": 1, "top_k": 2}):
        assert len(scores(asked(DOCUMENTS, **fields))) == 1, fields


@pytest.mark.parametrize("place", [place for place in PLACES if place != "pairs"])
def test_documents_come_back_where_either_field_asks_for_them(place: str) -> None:
    asked = Asked(place)
    for field in ("return_documents", "return_text"):
        for is_asked in (True, False):
            assert ("a red fox" in asked(DOCUMENTS, **{field: is_asked}).text) == is_asked, field
