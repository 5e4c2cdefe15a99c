"""Errors name a document or pair by the caller's number of it, whatever was handed on and in which parts."""

import asyncio
import math
import pickle
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from fake_service import Reply, faking
from folders import FolderOf
from judgements import platt
from serving import Recorder

from secondpass import (
    CachedScorer,
    Calibrated,
    Cascade,
    CrossEncoder,
    RankedDocument,
    RemoteScorer,
    Scorer,
    rank,
)
from secondpass.errors import CheckpointNotFoundError, InputError, MissingExtraError, RemoteError, ScoringError
from secondpass.errors.item_numbers import caller_numbers, renumber
from secondpass.ranking import Pair, score_pairs
from secondpass.service.pass_queue import PassQueue

KNOWN, NEW, BAD = "a known document", "a document that is new", "a bad document"


class Picky:
    """Gives NaN for a document that is called bad."""

    def score(self, query: str, documents: Sequence[str]) -> list[float]:  # noqa: ARG002 - a Scorer
        return [math.nan if "bad" in document else float(len(document)) for document in documents]


class Worst:
    """Scores the first document lowest, so that a cascade hands the others on."""

    def score(self, query: str, documents: Sequence[str]) -> list[float]:  # noqa: ARG002 - a Scorer
        return [float(number) for number in range(len(documents))]


def cached(folder: Path, scorer: Scorer | None = None) -> CachedScorer:
    scorer = CachedScorer(Picky() if scorer is None else scorer, folder, fingerprint="picky")
    scorer.score("q", [KNOWN])
    return scorer


CALLS: dict[str, Callable[[Any, list[str]], object]] = {
    "score": lambda scorer, documents: scorer.score("q", documents),
    "rank": lambda scorer, documents: scorer.rank("q", documents),
    "ascore": lambda scorer, documents: asyncio.run(scorer.ascore("q", documents)),
    "arank": lambda scorer, documents: asyncio.run(scorer.arank("q", documents)),
}
each_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


@each_call
def test_a_cache_hands_on_what_is_missing(call: Callable[[Any, list[str]], object], tmp_path: Path) -> None:
    with pytest.raises(ScoringError, match=r"got NaN for document 3$"):
        call(cached(tmp_path), [KNOWN, NEW, NEW, BAD, BAD])


def test_a_cache_counts_the_pairs_of_a_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secondpass.ranking.blocks.BLOCK_PAIRS", 2)
    pairs = [("q", KNOWN), ("other", NEW), ("q", NEW), ("other", KNOWN), ("q", KNOWN), ("other", BAD)]
    with pytest.raises(ScoringError, match=r"got NaN for document 5$"):
        cached(tmp_path).predict(iter(pairs))


class Ranks(Picky):
    """The same, with a ranking of its own."""

    def rank(self, query: str, documents: Sequence[str]) -> list[RankedDocument]:
        return rank(Picky(), query, documents)


@pytest.mark.parametrize("scorer", [Ranks(), Calibrated(Ranks(), platt(1.0, 0.0))], ids=["ranks", "reads"])
def test_a_cache_counts_the_pairs_that_it_reads(
    scorer: Scorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secondpass.ranking.blocks.BLOCK_PAIRS", 2)
    pairs = [("q", KNOWN), ("other", NEW), ("q", NEW), ("other", KNOWN), ("q", KNOWN), ("other", BAD)]
    with pytest.raises(ScoringError, match=r"got NaN for document 5$"):
        cached(tmp_path, scorer).read(iter(pairs))


def test_a_calibrated_scorer_counts_the_pairs_that_it_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secondpass.ranking.blocks.BLOCK_PAIRS", 2)
    pairs = [("q", KNOWN), ("q", NEW), ("q", KNOWN), ("q", BAD)]
    with pytest.raises(ScoringError, match=r"got NaN for document 3$"):
        Calibrated(Picky(), platt(1.0, 0.0)).read(iter(pairs))


@each_call
def test_a_cache_around_a_model(call: Callable[[Any, list[str]], object], folder_of: FolderOf, tmp_path: Path) -> None:
    model = CachedScorer(CrossEncoder(folder_of("bert")), tmp_path)
    call(model, [KNOWN])
    with pytest.raises(InputError, match=r"^the document of pair 2 must be Unicode text, has the lone surrogate"):
        call(model, [KNOWN, NEW, "broken \ud800"])
    with pytest.raises(InputError, match=r"^the document of pair 1 must be"):
        model.predict([("q", KNOWN), ("q", "broken \ud800")])


@each_call
def test_a_cascade_hands_on_the_best(call: Callable[[Any, list[str]], object], tmp_path: Path) -> None:
    documents = [NEW, KNOWN, BAD]
    with pytest.raises(ScoringError, match=r"got NaN for document 2$"):
        call(Cascade([Worst(), Picky()], keep=2), documents)
    with pytest.raises(ScoringError, match=r"got NaN for document 2$"):
        call(Cascade([Worst(), cached(tmp_path)], keep=2), documents)


def test_pairs_are_handed_on_query_by_query() -> None:
    pairs = [("q", KNOWN), ("q", NEW), ("other", NEW), ("other", BAD)]
    with pytest.raises(ScoringError, match=r"got NaN for document 3$"):
        score_pairs(Picky(), pairs)
    with pytest.raises(ScoringError, match=r"got NaN for document 3$"):
        Calibrated(Picky(), platt(1.0, 0.0)).predict(pairs)


@pytest.mark.parametrize(("query", "document", "name"), [("\ud800", "a", "query"), ("q", "a \ud800", "document")])
def test_passages_are_those_of_one_document(query: str, document: str, name: str, folder_of: FolderOf) -> None:
    model = CrossEncoder(folder_of("bert"))
    with pytest.raises(InputError, match=f"^{name} must be Unicode text, has the lone surrogate"):
        model.passages(query, document)
    (head,) = (network._head for network in model._pipeline._networks)  # type: ignore[attr-defined] # a Network
    next(head.parameters()).data.fill_(math.nan)
    with pytest.raises(ScoringError, match=r"got NaN for pair 0$"):
        model.passages("q", "The wall fell. People danced. Berlin is one city.", max_tokens=4)


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply(422, {"message": "documents[0] is bad"}), r"documents\[3\] is bad$"),
        (Reply(500, {"message": "the model gave no scores: pair 0 cannot be read"}), r": pair 3 cannot be read$"),
        (Reply(500, {"message": "scores must be numbers, got NaN for document 0"}), r"got NaN for document 3$"),
        (Reply(500, {"message": "score must be a finite number, got None for document 0"}), r"None for document 3$"),
        (Reply(500, {"message": "the query of pair 0 must be Unicode text"}), r"of pair 3 must be Unicode text$"),
        (Reply(503, {"message": "busy with documents[0]"}), r"busy with documents\[3\]$"),
        (Reply(200, {"results": []}), r"1 did not: 3$"),
        (Reply(200, {"results": [{"index": 0, "relevance_score": None}]}), r"got None for document 3$"),
    ],
)
def test_a_service_is_asked_in_parts_for_what_is_missing(reply: Reply, message: str, tmp_path: Path) -> None:
    with faking([Reply(), Reply(413), Reply(), reply]) as fake:
        scorer = CachedScorer(RemoteScorer(fake.url, api="jina", retries=0), tmp_path, fingerprint="remote")
        scorer.score("q", [KNOWN])
        with pytest.raises(RemoteError, match=message):
            scorer.score("q", [KNOWN, "first", "second", "third"])
        assert fake.sizes == [1, 3, 2, 1]


def test_a_text_that_no_service_can_be_sent() -> None:
    with faking([]) as fake, pytest.raises(InputError, match=r"^documents\[2\] must be Unicode text"):
        RemoteScorer(fake.url, api="jina", max_texts=1).score("q", [KNOWN, NEW, "broken \ud800"])


class Nobody:
    """Watches a queue for no one."""

    def begun(self, n_pairs: int, n_tokens: int) -> None: ...

    def shared(self, n_pairs: int) -> None: ...


def test_each_request_of_a_pass_has_its_own_number(folder_of: FolderOf) -> None:
    queue = PassQueue(CrossEncoder(folder_of("bert")), pass_tokens=1000, max_tokens=1000, watcher=Nobody())
    bad = (("q", "broken \ud800"), 4)
    first, second = (
        queue.submit([*[(("q", f"{n_before} {i}"), 4) for i in range(n_before)], bad]) for n_before in (1, 3)
    )
    for job, number in ((first, 1), (second, 3)):
        with pytest.raises(InputError, match=f"^the document of pair {number} must be"):
            job.future.result(20)
    queue.close()
    assert queue.wait(20)


def test_so_has_each_request_of_a_pass_whose_service_is_away() -> None:
    """It is asked once for all pairs, and may name one of them; the number of another client's means nothing."""

    class Away(Recorder):
        def predict(self, pairs: Iterable[Pair]) -> list[float]:
            given = super().predict(pairs)
            if len(given) > 1:
                raise RemoteError("busy with documents[", 3, "]", status=503)
            return given

    scorer = Away(held=True)
    queue = PassQueue(scorer, pass_tokens=1000, max_tokens=1000, watcher=Nobody())
    queue.submit([(("q", "first"), 4)])
    assert scorer.began.acquire(timeout=20)
    asked = (["a", "b"], ["c", "d"], ["e", "c", "d"])  # a, b, c, d and e in one pass
    requests = [queue.submit([(("q", text), 4) for text in texts]) for texts in asked]
    for _ in range(2):
        scorer.go.release()
    for request, number in zip(requests, (r"\.\.\.", 1, 2), strict=True):
        with pytest.raises(RemoteError, match=rf"^busy with documents\[{number}\]$"):
            request.future.result(20)
    assert list(map(len, scorer.passes)) == [1, 5]
    queue.close()
    assert queue.wait(20)


def test_an_error_keeps_everything_but_the_number() -> None:
    error = RemoteError("pair ", 1, " of 2", status=500)
    moved = renumber(error, [5, 7])
    assert (type(moved), str(moved), moved.args, moved.status) == (RemoteError, "pair 7 of 2", ("pair 7 of 2",), 500)
    assert str(error) == "pair 1 of 2", "others may have been told of the same one"
    assert str(renumber(pickle.loads(pickle.dumps(moved)), range(10, 20))) == "pair 17 of 2"  # noqa: S301 - our own
    assert renumber(error, [5]) is error
    cause = KeyError("k")
    with pytest.raises(InputError, match=r"^pair 5$") as raised, caller_numbers([5]):
        raise InputError("pair ", 0) from cause
    assert raised.value.__cause__ is cause


@pytest.mark.parametrize("error", [CheckpointNotFoundError("no m"), MissingExtraError("rank", "cli"), InputError("no")])
def test_an_error_about_no_item_is_left_alone(error: Exception) -> None:
    with pytest.raises(type(error)) as raised, caller_numbers([5]):
        raise error
    assert raised.value is error
