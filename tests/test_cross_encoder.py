"""What people may rely on: order, batches, threads, tasks, inputs, empty and bad ones."""

import asyncio
import copy
import itertools
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from folders import FolderOf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from texts import AWKWARD
from truncation import TRUNCATES

from secondpass import CrossEncoder, RankedDocument, Scorer
from secondpass.errors import InputError, InputTypeError, ScoringError
from secondpass.execution.network import Network

pytestmark = TRUNCATES

TEXTS = st.lists(st.sampled_from([*AWKWARD, "wall", "the wall fell", "people of the year"]), max_size=9)
FAST = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def model(folder_of: FolderOf) -> CrossEncoder:
    return CrossEncoder(folder_of("bert"), activation="identity", max_length=64)


def test_it_is_a_scorer(model: CrossEncoder) -> None:
    assert isinstance(model, Scorer)


@FAST
@given(documents=TEXTS, budget=st.integers(min_value=1, max_value=600))
def test_scores_do_not_depend_on_batch_mates_or_budget(
    model: CrossEncoder, folder_of: FolderOf, documents: list[str], budget: int
) -> None:
    batched = CrossEncoder(folder_of("bert"), activation="identity", max_length=64, batch_tokens=budget)
    alone = [float(model.score("berlin wall", [document])[0]) for document in documents]
    np.testing.assert_allclose(batched.score("berlin wall", documents), alone, atol=1e-5)


@FAST
@given(documents=TEXTS, data=st.data())
def test_permuting_documents_permutes_scores(model: CrossEncoder, documents: list[str], data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(documents))))
    scores = model.score("berlin", documents)
    permuted = model.score("berlin", [documents[i] for i in order])
    np.testing.assert_allclose(permuted, scores[np.array(order, dtype=int)], atol=1e-5)


@FAST
@given(documents=TEXTS, top_k=st.integers(min_value=1, max_value=12), threshold=st.none() | st.floats(-3, 3))
def test_top_k_is_the_beginning_of_the_whole_order(
    model: CrossEncoder, documents: list[str], top_k: int, threshold: float | None
) -> None:
    whole = model.rank("berlin", documents, score_threshold=threshold)
    assert model.rank("berlin", documents, top_k=top_k, score_threshold=threshold) == whole[:top_k]
    scores = model.score("berlin", documents)
    kept = [i for i in range(len(documents)) if threshold is None or scores[i] >= threshold]
    assert sorted(found.index for found in whole) == kept
    assert all(found.text == documents[found.index] and type(found.score) is float for found in whole)
    for first, second in itertools.pairwise(whole):
        assert first.score > second.score or (first.score == second.score and first.index < second.index)


def test_equal_documents_keep_their_order(model: CrossEncoder) -> None:
    assert [found.index for found in model.rank("berlin", ["same", "same", "same"])] == [0, 1, 2]


def test_predict_scores_many_queries_and_repeated_pairs(model: CrossEncoder) -> None:
    pairs = [(query, document) for query in AWKWARD[:6] for document in AWKWARD[:6]] * 3
    expected = np.concatenate([model.score(query, AWKWARD[:6]) for query in AWKWARD[:6]] * 3)
    np.testing.assert_allclose(model.predict(pairs), expected, atol=1e-5)
    np.testing.assert_array_equal(model.predict([list(pair) for pair in pairs]), model.predict(pairs))  # type: ignore[misc] # lists are taken too


def test_sixteen_threads_get_the_sequential_scores(model: CrossEncoder) -> None:
    jobs = [(query, list(AWKWARD[i % 7 :])) for i, query in enumerate(AWKWARD * 4)]
    expected = [model.score(*job) for job in jobs]
    with ThreadPoolExecutor(16) as pool:
        for scores, wanted in zip(pool.map(lambda job: model.score(*job), jobs), expected, strict=True):
            np.testing.assert_allclose(scores, wanted, atol=1e-5)


async def test_a_hundred_tasks_get_the_sequential_scores(model: CrossEncoder) -> None:
    jobs = [(AWKWARD[i % len(AWKWARD)], list(AWKWARD[: i % 9])) for i in range(100)]
    expected = [model.score(*job) for job in jobs]
    scores = await asyncio.gather(*(model.ascore(*job) for job in jobs))
    for got, wanted in zip(scores, expected, strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-5)
    assert await model.arank("berlin", AWKWARD, top_k=2) == model.rank("berlin", AWKWARD, top_k=2)


async def test_the_event_loop_goes_on_while_scoring(model: CrossEncoder) -> None:
    beats = 0

    async def heart() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0)
            beats += 1

    beating = asyncio.create_task(heart())
    await model.ascore("berlin", [f"{text} {i}" for i in range(40) for text in AWKWARD])
    beating.cancel()
    assert beats > 10


def test_nothing_gives_nothing(model: CrossEncoder) -> None:
    assert model.score("berlin", []).shape == (0,)
    assert model.score("berlin", []).dtype == np.float32
    assert model.predict([]).shape == (0,)
    assert model.predict(iter(())).shape == (0,)
    assert model.logits([]).shape == (0, 1)
    assert model.rank("berlin", []) == []


def test_blank_texts_are_scored(model: CrossEncoder) -> None:
    assert np.isfinite(model.score("", ["", " ", "wall"])).all()


def test_inputs_are_left_as_they_were(model: CrossEncoder) -> None:
    documents, pairs = list(AWKWARD), [["berlin", text] for text in AWKWARD]
    before = copy.deepcopy((documents, pairs))
    model.rank("berlin", documents, top_k=2)
    model.predict(pairs)  # type: ignore[arg-type] # lists are taken too
    assert (documents, pairs) == before


@pytest.mark.parametrize(
    ("query", "documents", "message"),
    [
        (None, ["a"], "query must be a string, got NoneType None"),
        (3, ["a"], "query must be a string, got int 3"),
        ("q", None, "documents must be a list of strings, got NoneType None"),
        ("q", "one text", "documents must be a list of strings, got one string"),
        ("q", b"bytes", "documents must be a list of strings, got one string"),
        ("q", {"a": 1}, "documents must be a list of strings, got dict"),
        ("q", {"a"}, "documents must be a list of strings, got set"),
        ("q", 7, "documents must be a list of strings, got int 7"),
        ("q", np.array("a"), r"documents must be a list of strings, got ndarray array\('a'"),
        ("q", ["a", None], r"documents\[1\] must be a string, got NoneType None"),
        ("q", ["a", 1.5], r"documents\[1\] must be a string, got float 1.5"),
    ],
)
def test_bad_texts_are_named(model: CrossEncoder, query: str, documents: list[str], message: str) -> None:
    for call in (model.score, model.rank):
        with pytest.raises(InputTypeError, match=message):
            call(query, documents)


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ("ab", "pairs must be .* got str 'ab'"),
        (["ab", "cd"], r"pairs\[0\] must be a \(query, document\) pair of strings, got str 'ab'"),
        ([("a", "b"), ("a",)], r"pairs\[1\] must be"),
        ([("a", "b"), ("a", None)], r"pairs\[1\] must be"),
        (4, "pairs must be"),
        (np.array(4), r"pairs must be \(query, document\) pairs, got ndarray array\(4\)"),
    ],
)
def test_bad_pairs_are_named(model: CrossEncoder, pairs: list[tuple[str, str]], message: str) -> None:
    with pytest.raises(InputTypeError, match=message):
        model.predict(pairs)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"top_k": 0}, "top_k must be at least 1, got 0"),
        ({"top_k": -2}, "top_k must be at least 1, got -2"),
        ({"top_k": True}, "top_k must be an integer or None, got bool True"),
        ({"top_k": 2.0}, "top_k must be an integer or None, got float 2.0"),
        ({"score_threshold": "0"}, "score_threshold must be a number or None, got str '0'"),
        ({"score_threshold": float("nan")}, "score_threshold must be a number, got NaN"),
        ({"score_threshold": 10**400}, "score_threshold must be a number of double precision, got an integer above"),
        ({"score_threshold": np.complex64(1)}, "score_threshold must be a number or None, got complex64"),
    ],
)
def test_bad_options_of_rank_are_named(model: CrossEncoder, options: dict[str, Any], message: str) -> None:
    for documents in (["a"], []):
        with pytest.raises(InputError, match=message):
            model.rank("q", documents, **options)


def test_nan_is_an_error_that_names_the_pair(folder_of: FolderOf) -> None:
    broken = CrossEncoder(folder_of("bert"))
    (network,) = broken._pipeline._networks
    assert isinstance(network, Network)
    head = network._head
    next(head.parameters()).data.fill_(float("nan"))
    with pytest.raises(ScoringError, match="NaN for pair 0"):
        broken.score("berlin", ["wall", "people"])
    with pytest.raises(ScoringError, match="NaN for pair 0"):
        broken.logits([("berlin", "wall")])


def test_it_travels_by_name_and_loads_anew(model: CrossEncoder) -> None:
    pickled = pickle.dumps(model)
    assert len(pickled) < 2000, "no weights in it"
    np.testing.assert_array_equal(pickle.loads(pickled).score("berlin", AWKWARD), model.score("berlin", AWKWARD))  # noqa: S301 - our own


class Own(CrossEncoder):
    """A class that somebody derives."""


def test_a_copy_is_of_the_same_class(folder_of: FolderOf) -> None:
    model = Own(folder_of("bert"))
    for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):  # noqa: S301 - our own
        assert type(again) is Own


def test_progress_is_shown_only_when_asked(model: CrossEncoder, capsys: pytest.CaptureFixture[str]) -> None:
    model.score("berlin", ["wall"])
    assert capsys.readouterr().err == ""
    expected = model.rank("berlin", ["wall"])
    assert model.rank("berlin", ["wall"], show_progress=True) == expected
    assert "1/1" in capsys.readouterr().err


def test_ranked_documents_are_values() -> None:
    found = RankedDocument(1, 0.5, "wall")
    assert found == RankedDocument(1, 0.5, "wall")
    with pytest.raises(AttributeError):
        found.score = 1.0  # type: ignore[misc] # frozen
