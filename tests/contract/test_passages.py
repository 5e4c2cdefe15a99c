"""Long documents in every adapter: the core's scores and passages, in characters of the document as it was given."""

import copy
import inspect
import json
import pickle
from typing import TYPE_CHECKING, Any

import pytest
from scorers import Passages

from secondpass import CrossEncoder, Passage, RankedDocument
from secondpass.errors import TruncationWarning
from secondpass.testing import OverlapScorer

if TYPE_CHECKING:
    from drivers import Driver

QUERY = "which city is the capital of Germany"
FILLER = "The tide comes in twice a day, and the moon pulls at the sea. "
ANSWER = "Berlin is the capital of Germany."
# The answer at the end, at the start, nowhere, and in a text that is read at once.
TEXTS = [FILLER * 30 + ANSWER, ANSWER + " " + FILLER * 30, FILLER * 30, "Berlin is a city."]


@pytest.fixture(scope="module")
def core(model: str) -> CrossEncoder:
    return CrossEncoder(model, long_documents="windows")


def passage_of(ranked: RankedDocument) -> dict[str, Any] | None:
    """What an adapter writes of it."""
    passage = ranked.passage
    if passage is None or (passage.start, passage.end) == (0, len(ranked.text)):
        return None
    return {"start": passage.start, "end": passage.end, "score": pytest.approx(passage.score, abs=1e-6)}


async def test_passages_are_the_cores(driver: "Driver", model: str, core: CrossEncoder) -> None:
    expected = core.rank(QUERY, TEXTS)
    assert TEXTS[0][expected[0].passage.start :].endswith(ANSWER) if expected[0].passage else False
    adapter = driver.adapter(model=model, long_documents="windows")
    documents = driver.documents(TEXTS)
    for reranked in (driver.run(adapter, QUERY, documents), await driver.arun(adapter, QUERY, documents)):
        seen = [driver.seen(document) for document in reranked]
        assert [document.text for document in seen] == [document.text for document in expected]
        assert [document.score for document in seen] == pytest.approx([e.score for e in expected], abs=1e-6)
        assert [document.metadata.get("passage") for document in seen] == [passage_of(e) for e in expected]


async def test_a_passage_takes_the_place_of_a_long_text(driver: "Driver", model: str, core: CrossEncoder) -> None:
    expected = core.rank(QUERY, TEXTS)
    adapter = driver.adapter(model=model, long_documents="windows", return_passages=True)
    documents = driver.documents(TEXTS)
    before = driver.snapshot(documents)
    for reranked in (driver.run(adapter, QUERY, documents), await driver.arun(adapter, QUERY, documents)):
        for document, ranked in zip(map(driver.seen, reranked), expected, strict=True):
            assert ranked.passage is not None
            assert document.text == ranked.text[ranked.passage.start : ranked.passage.end]
            assert document.id == f"d{ranked.index}"
            assert document.metadata["place"] == ranked.index
            assert document.metadata.get("passage") == passage_of(ranked)
    assert driver.snapshot(documents) == before


def test_what_fits_is_as_it_was(driver: "Driver", model: str) -> None:
    texts = ["Paris", "Berlin is a city in Germany.", ""]
    documents = driver.documents(texts)
    plain = driver.run(driver.adapter(model=model), QUERY, documents)
    windows = driver.run(driver.adapter(model=model, long_documents="windows", return_passages=True), QUERY, documents)
    assert [driver.seen(document) for document in windows] == [driver.seen(document) for document in plain]
    assert all("passage" not in driver.seen(document).metadata for document in plain)


def test_without_windows_it_is_what_was_read(driver: "Driver", model: str) -> None:
    adapter = driver.adapter(model=model, share_model=False, return_passages=True)
    with pytest.warns(TruncationWarning, match="1 of 2 pairs") as said:
        reranked = driver.run(adapter, QUERY, driver.documents([TEXTS[0], "Berlin is a city."]))
    assert said[0].filename == inspect.getfile(type(driver)), "the line that called, not one of the framework"
    document = next(d for d in map(driver.seen, reranked) if d.id == "d0")
    passage = document.metadata["passage"]
    assert isinstance(passage, dict)
    assert passage["start"] == 0
    assert document.text == TEXTS[0][: passage["end"]]
    assert 0 < passage["end"] < len(TEXTS[0]) - len(ANSWER)


def test_a_scorer_that_does_not_say_writes_none(driver: "Driver") -> None:
    for scorer in (OverlapScorer(), Passages([None, None])):
        adapter = driver.adapter(scorer=scorer, return_passages=True)
        reranked = driver.run(adapter, QUERY, driver.documents(["a" * 5, "b"]))
        assert [driver.seen(document).text for document in reranked] == ["aaaaa", "b"]
        assert all("passage" not in driver.seen(document).metadata for document in reranked)


def test_a_passage_is_plain_json_and_outlives_another_reranking(driver: "Driver") -> None:
    scorer = Passages([Passage(4, 9, 0.25), Passage(0, 4, 0.5)])
    first = driver.run(driver.adapter(scorer=scorer), QUERY, driver.documents(["the moon pulls", "wave after wave"]))
    metadata = [driver.seen(document).metadata for document in first]
    assert json.loads(json.dumps(metadata)) == metadata
    assert [m["passage"] for m in metadata] == [
        {"start": 4, "end": 9, "score": 0.25},
        {"start": 0, "end": 4, "score": 0.5},
    ]
    again = driver.run(driver.adapter(scorer=OverlapScorer()), "wave", first)
    assert driver.seen(again[0]).metadata["passage"] == {"start": 0, "end": 4, "score": 0.5}
    other = driver.run(driver.adapter(scorer=Passages([Passage(9, 14, 1.0), None])), QUERY, first)
    assert driver.seen(other[0]).metadata["passage"] == {"start": 9, "end": 14, "score": 1.0}


def test_settings_travel(driver: "Driver", model: str) -> None:
    settings: dict[str, Any] = {
        "long_documents": "windows",
        "window_overlap": 16,
        "window_aggregation": "mean-top-3",
        "return_passages": True,
    }
    adapter = driver.adapter(model=model, **settings)
    documents = driver.documents(TEXTS)
    ranked = [driver.seen(document) for document in driver.run(adapter, QUERY, documents)]
    expected = CrossEncoder(model, long_documents="windows", window_overlap=16, window_aggregation="mean-top-3").rank(
        QUERY, TEXTS
    )
    assert [document.score for document in ranked] == pytest.approx([e.score for e in expected], abs=1e-6)
    for other in (driver.reloaded(adapter), copy.deepcopy(adapter), pickle.loads(pickle.dumps(adapter))):  # noqa: S301 - ours
        assert {name: getattr(other, name) for name in settings} == settings
        assert driver.scorer(other).options == driver.scorer(adapter).options
    assert [driver.seen(document) for document in driver.run(other, QUERY, documents)] == ranked


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"long_documents": "all"}, "long_documents"),
        ({"window_overlap": 8}, 'window_overlap must be left out unless long_documents is "windows"'),
        ({"long_documents": "windows", "window_overlap": -1}, "window_overlap must be at least 0, got -1"),
        ({"long_documents": "windows", "window_aggregation": "sum"}, "window_aggregation"),
    ],
)
def test_mistakes_are_named_when_the_adapter_is_made(driver: "Driver", arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        driver.adapter(model="no/such-model", **arguments)


def test_a_scorer_has_windows_of_its_own(driver: "Driver", core: CrossEncoder) -> None:
    with pytest.raises(ValueError, match="long_documents says how to load a model and means nothing to a scorer"):
        driver.adapter(scorer=core, long_documents="windows")
    reranked = driver.run(driver.adapter(scorer=core, return_passages=True), QUERY, driver.documents(TEXTS))
    expected = core.rank(QUERY, TEXTS)[0]
    assert expected.passage is not None
    assert driver.seen(reranked[0]).text == expected.text[expected.passage.start : expected.passage.end]
