"""What holds for all three adapters alike."""

import asyncio
import copy
import pickle
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest
from scorers import Fixed
from waiting import auntil

from secondpass.errors import CheckpointNotFoundError, ScoringError
from secondpass.ranking import rank
from secondpass.testing import OverlapScorer

if TYPE_CHECKING:
    from drivers import Driver

QUERY = "big red cat"
TEXTS = ["a red car", "a dog", "the big red cat", "", "big cat", "   ", "one cat"]
# Shares of the query's three words: 1/3, 0, 1, 0, 2/3, 0, 1/3. Equal shares keep the given order.
BEST_FIRST = ["d2", "d4", "d0", "d6", "d1", "d3", "d5"]


def ids(driver: "Driver", documents: list[object]) -> list[str]:
    return [driver.seen(document).id for document in documents]


def scores(driver: "Driver", documents: list[object]) -> list[float | None]:
    return [driver.seen(document).score for document in documents]


def test_order_is_the_cores_and_ties_keep_the_given_order(driver: "Driver") -> None:
    reranked = driver.run(driver.adapter(scorer=OverlapScorer()), QUERY, driver.documents(TEXTS))
    expected = rank(OverlapScorer(), QUERY, TEXTS)
    assert ids(driver, reranked) == BEST_FIRST
    assert [(driver.seen(d).text, driver.seen(d).score) for d in reranked] == [(e.text, e.score) for e in expected]


async def test_the_order_is_that_of_the_logits_where_their_sigmoids_are_equal(driver: "Driver", folder_of: Any) -> None:
    from secondpass import CrossEncoder

    folder, texts = folder_of("confident"), ["the wall fell", "people of the year", "", "berlin", "a city"]
    expected = [f"d{found.index}" for found in CrossEncoder(folder, activation="identity").rank("wall", texts)]
    assert expected != sorted(expected)
    adapter = driver.adapter(model=str(folder))
    if hasattr(adapter, "scale_score"):
        adapter.scale_score = True
    documents = driver.documents(texts)
    for reranked in (driver.run(adapter, "wall", documents), await driver.arun(adapter, "wall", documents)):
        assert ids(driver, reranked) == expected
        assert scores(driver, reranked) == pytest.approx([1.0] * len(texts), abs=1e-6)


def test_scorer_reads_query_and_texts_as_they_are_in_one_call(driver: "Driver") -> None:
    scorer = OverlapScorer()
    driver.run(driver.adapter(scorer=scorer), QUERY, driver.documents(TEXTS))
    assert scorer.calls == [(QUERY, tuple(TEXTS))]


def test_inputs_are_untouched(driver: "Driver") -> None:
    documents = driver.documents(TEXTS)
    before, candidates = driver.snapshot(documents), list(documents)
    driver.run(driver.adapter(scorer=OverlapScorer()), QUERY, documents)
    assert driver.snapshot(documents) == before
    assert all(now is then for now, then in zip(documents, candidates, strict=True))


async def test_inputs_are_untouched_in_async(driver: "Driver") -> None:
    documents = driver.documents(TEXTS)
    before = driver.snapshot(documents)
    await driver.arun(driver.adapter(scorer=OverlapScorer()), QUERY, documents)
    assert driver.snapshot(documents) == before


def test_ids_and_metadata_are_kept_and_outputs_are_new_objects(driver: "Driver") -> None:
    documents = driver.documents(TEXTS)
    by_id = {driver.seen(document).id: document for document in documents}
    for document in driver.run(driver.adapter(scorer=OverlapScorer()), QUERY, documents):
        seen = driver.seen(document)
        assert document is not by_id[seen.id]
        assert type(document) is type(by_id[seen.id])
        assert seen.metadata == driver.seen(by_id[seen.id]).metadata


def test_scores_are_plain_floats(driver: "Driver", model: str) -> None:
    reranked = driver.run(driver.adapter(model=model), QUERY, driver.documents(TEXTS))
    assert {type(score) for score in scores(driver, reranked)} == {float}


def test_a_second_pass_replaces_the_score_of_the_first(driver: "Driver") -> None:
    once = driver.run(driver.adapter(scorer=OverlapScorer()), "dog", driver.documents(TEXTS))
    twice = driver.run(driver.adapter(scorer=OverlapScorer(), top_n=1), QUERY, once)
    assert [(driver.seen(d).id, driver.seen(d).score) for d in twice] == [("d2", 1.0)]


def test_nothing_in_nothing_out_and_no_model_is_loaded(driver: "Driver") -> None:
    assert driver.run(driver.adapter(model="no/such-model", local_files_only=True), QUERY, []) == []


async def test_nothing_in_nothing_out_in_async(driver: "Driver") -> None:
    assert await driver.arun(driver.adapter(model="no/such-model", local_files_only=True), QUERY, []) == []


def test_a_model_that_is_not_there_is_an_error_at_the_first_document(driver: "Driver") -> None:
    adapter = driver.adapter(model="no/such-model", local_files_only=True)
    with pytest.raises(CheckpointNotFoundError):
        driver.run(adapter, QUERY, driver.documents(["one"]))


@pytest.mark.parametrize(("top_n", "n_kept"), [(1, 1), (3, 3), (7, 7), (50, 7), (None, 7)])
def test_top_n_keeps_the_best(driver: "Driver", top_n: int | None, n_kept: int) -> None:
    reranked = driver.run(driver.adapter(scorer=OverlapScorer(), top_n=top_n), QUERY, driver.documents(TEXTS))
    assert ids(driver, reranked) == BEST_FIRST[:n_kept]


@pytest.mark.parametrize("top_n", [0, -1])
def test_top_n_below_one_is_refused_before_anything_is_loaded(driver: "Driver", top_n: int) -> None:
    with pytest.raises(ValueError, match=rf"top_[nk] must be (at least 1|> 0), (but )?got {top_n}"):
        driver.adapter(model="no/such-model", top_n=top_n)


@pytest.mark.parametrize("top_n", ["3", 2.0, True])
def test_top_n_of_another_type_is_refused(driver: "Driver", top_n: object) -> None:
    with pytest.raises(ValueError, match="must be an integer or None"):
        driver.adapter(scorer=OverlapScorer(), top_n=top_n)  # type: ignore[arg-type] # the fact under test


def test_threshold_keeps_what_reaches_it(driver: "Driver") -> None:
    adapter = driver.adapter(scorer=OverlapScorer(), score_threshold=1 / 3)
    assert ids(driver, driver.run(adapter, QUERY, driver.documents(TEXTS))) == ["d2", "d4", "d0", "d6"]


def test_threshold_comes_before_top_n_and_zero_is_a_threshold(driver: "Driver") -> None:
    adapter = driver.adapter(scorer=Fixed([-1.0, 0.0, -2.0]), score_threshold=0, top_n=2)
    assert ids(driver, driver.run(adapter, QUERY, driver.documents(["a", "b", "c"]))) == ["d1"]


@pytest.mark.parametrize("threshold", [float("nan"), "0.5"])
def test_a_threshold_that_is_not_a_number_is_refused(driver: "Driver", threshold: object) -> None:
    with pytest.raises(ValueError, match="score_threshold must be a number"):
        driver.adapter(scorer=OverlapScorer(), score_threshold=threshold)


@pytest.mark.parametrize("query", [None, 3, ["a"]])
def test_a_query_that_is_not_a_string_is_refused_before_anything_is_loaded(driver: "Driver", query: object) -> None:
    adapter = driver.adapter(model="no/such-model", local_files_only=True)
    with pytest.raises((TypeError, ValueError), match=r"(?i)query"):
        driver.run(adapter, query, driver.documents(["one"]))  # type: ignore[arg-type] # the fact under test


def test_equal_texts_of_different_documents_are_all_kept(driver: "Driver") -> None:
    reranked = driver.run(driver.adapter(scorer=OverlapScorer()), QUERY, driver.documents(["cat"] * 3))
    assert ids(driver, reranked) == ["d0", "d1", "d2"]


def test_nan_is_an_error_and_never_an_order(driver: "Driver") -> None:
    with pytest.raises(ScoringError, match="NaN for document 1"):
        driver.run(driver.adapter(scorer=Fixed([1.0, float("nan")])), QUERY, driver.documents(["a", "b"]))


def test_model_and_scorer_together_are_refused(driver: "Driver") -> None:
    with pytest.raises(ValueError, match="give model or scorer, got both"):
        driver.adapter(model="some/model", scorer=OverlapScorer())


def test_options_of_a_model_are_refused_beside_a_scorer(driver: "Driver") -> None:
    with pytest.raises(ValueError, match="max_length says how to load a model and means nothing to a scorer"):
        driver.adapter(scorer=OverlapScorer(), max_length=128)


def test_unknown_arguments_are_refused(driver: "Driver") -> None:
    with pytest.raises((TypeError, ValueError), match="top_p"):
        driver.adapter(scorer=OverlapScorer(), top_p=3)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("max_length", 0, "max_length must be at least 1, got 0"),
        ("batch_tokens", -5, "batch_tokens must be at least 1, got -5"),
        ("dtype", "float12", "dtype|float12"),
    ],
)
def test_bad_model_options_are_refused_before_anything_is_loaded(
    driver: "Driver", option: str, value: object, message: str
) -> None:
    arguments: dict[str, Any] = {option: value}
    with pytest.raises(ValueError, match=message):
        driver.adapter(model="no/such-model", **arguments)


async def test_async_gives_what_sync_gives(driver: "Driver", model: str) -> None:
    for adapter in (driver.adapter(scorer=OverlapScorer()), driver.adapter(model=model)):
        documents = driver.documents(TEXTS)
        awaited = await driver.arun(adapter, QUERY, documents)
        assert driver.snapshot(awaited) == driver.snapshot(driver.run(adapter, QUERY, documents))


async def test_a_hundred_concurrent_calls_do_not_mix(driver: "Driver") -> None:
    adapter = driver.adapter(scorer=OverlapScorer(), top_n=1)
    words = [f"word{i}" for i in range(100)]
    documents = driver.documents(words)
    best = await asyncio.gather(*(driver.arun(adapter, word, documents) for word in words))
    assert [driver.seen(documents[0]).text for documents in best] == words


async def test_a_hundred_concurrent_calls_of_a_model_load_it_once_and_do_not_mix(driver: "Driver", model: str) -> None:
    adapter = driver.adapter(model=model, top_n=1)
    texts = ["Bread is baked in an oven.", "A lock keeps two threads apart.", "The cat sleeps on the sofa."]
    queries = ["How is bread made?", "What is a mutex?", "Where is the cat?"] * 34
    documents = driver.documents(texts)
    best = await asyncio.gather(*(driver.arun(adapter, query, documents) for query in queries[:100]))
    assert [driver.seen(documents[0]).text for documents in best] == (texts * 34)[:100]


async def test_the_event_loop_goes_on_while_documents_are_scored(driver: "Driver") -> None:
    scorer = Held()
    reranking = asyncio.create_task(driver.arun(driver.adapter(scorer=scorer), QUERY, driver.documents(TEXTS)))
    await auntil(scorer.began.is_set)
    scorer.go.set()  # which a loop that waits for the scores never comes to
    assert len(await reranking) == len(TEXTS)


async def test_the_event_loop_goes_on_while_a_model_is_loaded(
    driver: "Driver", model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from secondpass.adapters.sharing import load_cross_encoder

    began, go = threading.Event(), threading.Event()

    def load_when_told(*arguments: Any) -> Any:
        began.set()
        assert go.wait(20), "nobody let it go on"
        return load_cross_encoder(*arguments)

    monkeypatch.setattr("secondpass.adapters.lazy.load_cross_encoder", load_when_told)
    adapter = driver.adapter(model=model, share_model=False)
    reranking = asyncio.create_task(driver.arun(adapter, QUERY, driver.documents(TEXTS)))
    await auntil(began.is_set)
    go.set()  # which a loop that loads the model itself never comes to
    assert len(await reranking) == len(TEXTS)


def test_a_saved_adapter_scores_the_same_when_loaded(driver: "Driver", model: str) -> None:
    adapter = driver.adapter(model=model, top_n=4, score_threshold=-20.0, max_length=64, device="cpu")
    documents = driver.documents(TEXTS)
    before = driver.run(adapter, QUERY, documents)
    assert driver.snapshot(driver.run(driver.reloaded(adapter), QUERY, documents)) == driver.snapshot(before)


def test_saving_leaves_the_adapter_as_it_was(driver: "Driver", model: str) -> None:
    adapter = driver.adapter(model=model)
    documents = driver.documents(TEXTS)
    driver.reloaded(driver.reloaded(adapter))
    assert driver.run(adapter, QUERY, documents)
    driver.reloaded(adapter)
    assert driver.run(adapter, QUERY, documents)


def test_pickle_and_deepcopy_do_not_carry_weights(driver: "Driver", model: str) -> None:
    adapter = driver.adapter(model=model)
    documents = driver.documents(TEXTS)
    before = driver.snapshot(driver.run(adapter, QUERY, documents))  # the model is loaded now, 49 MB of it
    pickled = pickle.dumps(adapter)
    assert len(pickled) < 10_000
    for other in (pickle.loads(pickled), copy.deepcopy(adapter)):  # noqa: S301 - our own
        assert driver.snapshot(driver.run(other, QUERY, documents)) == before


def test_adapters_of_the_same_options_share_one_model(driver: "Driver", model: str) -> None:
    first, second, unshared = (driver.adapter(model=model, share_model=share) for share in (True, True, False))
    for adapter in (first, second, unshared):
        driver.run(adapter, QUERY, driver.documents(["a"]))
    loaded = [driver.scorer(adapter).load() for adapter in (first, second, unshared)]
    assert loaded[0] is loaded[1]
    assert loaded[0] is not loaded[2]


class Held:
    """Waits for `go` before it gives scores."""

    def __init__(self) -> None:
        self.began, self.go = threading.Event(), threading.Event()

    def score(self, query: str, documents: Sequence[str]) -> list[float]:  # noqa: ARG002 - the protocol's
        self.began.set()
        assert self.go.wait(20), "nobody let it go on"
        return [0.0] * len(documents)
