"""Scores kept on disk: exact, shared, bounded, and never wrong, whatever happens to the file."""

import asyncio
import copy
import math
import os
import pickle
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from checkpoints import bert
from fake_service import Reply, faking
from forking import forks, holds_in_child
from hypothesis import given
from hypothesis import strategies as st
from judgements import platt, steps
from scorers import Scores, true_score

from secondpass import CachedScorer, Calibrated, Cascade, CrossEncoder, RankedDocument, RemoteScorer, arank, rank
from secondpass.errors import CheckpointError, InputError, InputTypeError, RemoteError, ScoringError
from secondpass.ranking import AsyncRankingScorer, PairScorer, Passage
from secondpass.score_cache import ScoreStore, join, pair_keys
from secondpass.testing import OverlapScorer

DOCUMENTS = ["the cat sleeps", "a dog", "cat and dog", "", "a dog"]


class Pairs(Scores):
    """Takes pairs as well."""

    def predict(self, pairs: Iterable[tuple[str, str]]) -> Any:
        read = list(pairs)
        self.asked += read
        return self.give([true_score(*pair) for pair in read])


def cached(folder: Path, scorer: Any = None, **options: Any) -> CachedScorer:
    return CachedScorer(OverlapScorer() if scorer is None else scorer, folder, **{"fingerprint": "f"} | options)


def calibrated(scorer: Any) -> Calibrated:
    """Probabilities of `true_score`, which is up to 2**48."""
    return Calibrated(scorer, platt(1e-14, 0.0, scorer.fingerprint()))


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix == ".sqlite3")


def test_a_pair_is_scored_once(tmp_path: Path) -> None:
    scorer = Scores()
    first = CachedScorer(scorer, tmp_path)
    expected = [true_score("cat", text) for text in DOCUMENTS]
    assert first.score("cat", DOCUMENTS) == expected
    assert scorer.asked == [("cat", text) for text in dict.fromkeys(DOCUMENTS)]
    second = CachedScorer(scorer, tmp_path)
    assert second.score("cat", [*DOCUMENTS, "new"]) == [*expected, true_score("cat", "new")]
    assert scorer.asked[4:] == [("cat", "new")]
    assert (first.hits, first.misses, second.hits, second.misses) == (1, 4, 5, 1)
    assert repr(second) == f"CachedScorer({scorer!r}, {str(tmp_path)!r}, hits=5, misses=1, hit_rate=83.3%)"


def test_a_model_is_asked_once_and_its_scores_come_back_exactly(tmp_path: Path, model: str) -> None:
    scorer = CrossEncoder(model)
    expected = scorer.score("cat", DOCUMENTS)
    for _ in range(2):
        again = CachedScorer(scorer, tmp_path)
        scores = again.score("cat", DOCUMENTS)
        assert isinstance(scores, np.ndarray)
        assert scores.dtype == expected.dtype
        np.testing.assert_allclose(scores, expected, atol=1e-5)
    assert again.misses == 0
    assert [d.index for d in again.rank("cat", DOCUMENTS)] == [d.index for d in scorer.rank("cat", DOCUMENTS)]
    other = CachedScorer(CrossEncoder(model, max_length=32), tmp_path)
    other.score("cat", DOCUMENTS)
    assert other.hits == 1  # a repeated document


@pytest.mark.parametrize(
    ("give", "form"),
    [
        (list, list),
        (tuple, list),
        (lambda scores: np.array(scores, np.float32), np.float32),
        (lambda scores: np.array(scores, np.float64), np.float64),
        (lambda scores: np.array(scores, np.float16), np.float16),
    ],
)
@pytest.mark.parametrize("kind", [Scores, Pairs])
def test_scores_come_back_in_the_form_they_were_given(
    tmp_path: Path, kind: type[Scores], give: Callable[[list[float]], Any], form: type
) -> None:
    with np.errstate(over="ignore"):
        scorer = CachedScorer(kind(give), tmp_path)
        pairs = [("cat", text) for text in DOCUMENTS]
        for _ in range(2):
            for scores in (scorer.score("cat", DOCUMENTS), scorer.predict(pairs), scorer.predict(iter(pairs))):
                assert (scores.dtype.type if isinstance(scores, np.ndarray) else type(scores)) is form
                assert list(scores) == list(give([true_score(*pair) for pair in pairs]))


def test_blocks_of_several_dtypes_are_joined_as_a_list() -> None:
    blocks: list[Any] = [np.ones(1, np.float32), np.ones(1)]
    joined = join(blocks)
    assert isinstance(joined, list)
    assert joined == [1.0, 1.0]


class Given(OverlapScorer):
    """Gives the numbers that the documents are written as."""

    def score(self, query: str, documents: Sequence[str]) -> list[float]:
        super().score(query, documents)
        return [float.fromhex(text) for text in documents]


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=5, unique=True))
def test_every_number_comes_back_exactly(tmp_path_factory: pytest.TempPathFactory, numbers: list[float]) -> None:
    folder = tmp_path_factory.mktemp("exact")
    texts = [number.hex() for number in numbers]
    for _ in range(2):
        scores = cached(folder, Given()).score("q", texts)
        assert [score.hex() for score in scores] == texts


def test_nan_is_never_kept(tmp_path: Path) -> None:
    scorer = Scores(lambda scores: [math.nan, *scores[1:]])
    with pytest.raises(ScoringError, match="got NaN for document 0"):
        CachedScorer(scorer, tmp_path).score("cat", DOCUMENTS)
    scorer.give = list
    again = CachedScorer(scorer, tmp_path)
    assert again.score("cat", DOCUMENTS) == [true_score("cat", text) for text in DOCUMENTS]
    assert again.misses == 4


def test_pairs_of_many_queries_are_scored_once_each(tmp_path: Path) -> None:
    pairs = [("cat", "a"), ("dog", "a"), ("cat", "a"), ("cat", "b"), ("dog", "a")]
    for kind in (Scores, Pairs):
        scorer = kind()
        with_cache = CachedScorer(scorer, tmp_path / kind.__name__)
        assert isinstance(with_cache, PairScorer)
        assert with_cache.predict(pairs) == [true_score(*pair) for pair in pairs]
        assert sorted(scorer.asked) == [("cat", "a"), ("cat", "b"), ("dog", "a")]
        assert with_cache.score("cat", ["b", "a"]) == [true_score("cat", "b"), true_score("cat", "a")]
        assert with_cache.misses == 3


def test_a_stream_is_read_in_blocks(tmp_path: Path) -> None:
    scorer = Pairs(np.array)
    n_read_at_first_score: list[int] = []
    read = 0

    def pairs() -> Iterable[tuple[str, str]]:
        nonlocal read
        for number in range(10_000):
            if scorer.asked and not n_read_at_first_score:
                n_read_at_first_score.append(number)
            read += 1
            yield "q", f"{number % 9_000}"

    scores = CachedScorer(scorer, tmp_path).predict(pairs())
    assert isinstance(scores, np.ndarray)
    assert scores.tolist() == [true_score("q", f"{number % 9_000}") for number in range(10_000)]
    assert (read, len(scorer.asked)) == (10_000, 9_000)
    assert n_read_at_first_score[0] < 5_000


class Reading(Scores):
    """Ranks by itself, and says what it read."""

    n_rankings = 0

    def rank(self, query: str, documents: Sequence[str]) -> list[RankedDocument]:
        self.n_rankings += 1
        scored = rank(Scores(), query, documents)
        return [
            RankedDocument(d.index, d.score, d.text, Passage(0, len(d.text) + 1, d.score), truncated=d.index == 1)
            for d in scored
        ]


class AwaitedReading(Reading):
    """Can be awaited, and must not be called."""

    async def ascore(self, query: str, documents: Sequence[str]) -> list[float]:
        return [true_score(query, text) for text in documents]

    async def arank(self, query: str, documents: Sequence[str]) -> list[RankedDocument]:
        return super().rank(query, documents)

    def score(self, query: str, documents: Sequence[str]) -> list[float]:
        raise AssertionError(f"called with {query} and {documents}")

    def rank(self, query: str, documents: Sequence[str]) -> list[RankedDocument]:
        raise AssertionError(f"called with {query} and {documents}")


def test_rankings_come_back_with_passages_and_truncations(tmp_path: Path) -> None:
    scorer = Reading()
    texts = DOCUMENTS[:4]
    expected = scorer.rank("cat", texts)
    with_cache = CachedScorer(scorer, tmp_path)
    scorer.n_rankings = 0
    with_cache.score("cat", texts)  # says nothing of passages
    for _ in range(2):
        assert with_cache.rank("cat", texts) == expected
        assert rank(with_cache, "cat", texts, top_k=2) == expected[:2]
        assert with_cache.rank("cat", texts, top_k=2, score_threshold=expected[1].score) == expected[:2]
    assert scorer.n_rankings == 1


def test_what_was_read_of_pairs_is_kept(tmp_path: Path) -> None:
    model = CrossEncoder("secondpass/mini")
    pairs = [("berlin", "the berlin wall fell. " * 200), ("forest", ""), ("berlin", "a wall"), ("forest", "")]
    expected = model.read(pairs)
    for n_hits in (1, 4):
        with_cache = CachedScorer(model, tmp_path)
        found = with_cache.read(iter(pairs))
        assert with_cache.hits == n_hits
        np.testing.assert_allclose(found.scores, expected.scores, atol=1e-5)
        assert found.truncated.tolist() == expected.truncated.tolist() == [True, False, False, False]
        for ours, theirs in zip(found.passages, expected.passages, strict=True):
            assert (ours and (ours.start, ours.end)) == (theirs and (theirs.start, theirs.end))


def test_what_is_read_of_a_scorer_that_ranks_is_its_ranking_and_of_others_their_scores(tmp_path: Path) -> None:
    pairs = [("cat", text) for text in DOCUMENTS]
    ranks = Reading()
    with_rankings = CachedScorer(ranks, tmp_path / "rankings")
    expected = sorted(with_rankings.rank("cat", DOCUMENTS), key=lambda document: document.index)
    read = with_rankings.read(pairs)
    assert ranks.n_rankings == 1
    assert read.passages == [document.passage for document in expected]
    assert read.truncated.tolist() == [document.truncated for document in expected]
    scores = Scores(np.array)
    with_scores = CachedScorer(scores, tmp_path / "scores")
    read = with_scores.read(pairs)
    assert read.truncated.tolist() == [None] * 5
    assert read.scores.tolist() == list(with_scores.score("cat", DOCUMENTS))
    assert isinstance(with_scores.score("cat", DOCUMENTS), np.ndarray)
    assert len(scores.asked) == len(set(DOCUMENTS))


def test_numbers_of_numpy_in_a_scorers_own_ranking_are_kept(tmp_path: Path) -> None:
    class Numpys(Scores):
        """Ranks in numpy's numbers."""

        def rank(self, query: str, documents: Iterable[str], *_: Any, **__: Any) -> list[RankedDocument]:
            scores: Any = np.asarray([true_score(query, text) for text in documents], np.float32)
            start, end, truncated = np.int64(0), np.int64(1), np.bool_(1)
            return [
                RankedDocument(index, scores[index], text, Passage(start, end, scores[index]), truncated)  # type: ignore[arg-type] # what scorers give all the same
                for index, text in enumerate(documents)
            ]

    first = rank(cached(tmp_path, Numpys()), "q", ["one", "two"])
    again = cached(tmp_path, Numpys())
    assert rank(again, "q", ["one", "two"]) == first
    assert (again.hits, again.misses) == (2, 0)
    assert [type(document.passage.end) for document in again.rank("q", ["one", "two"]) if document.passage] == [int] * 2


async def test_awaited_it_gives_the_same(tmp_path: Path) -> None:
    plain, texts = CachedScorer(Reading(), tmp_path / "plain"), DOCUMENTS[:4]
    awaited = CachedScorer(AwaitedReading(), tmp_path / "awaited")
    assert isinstance(awaited, AsyncRankingScorer)
    for _ in range(2):
        assert await awaited.ascore("cat", texts) == await plain.ascore("cat", texts) == plain.score("cat", texts)
        assert await awaited.arank("cat", texts, 2) == await plain.arank("cat", texts, 2) == plain.rank("cat", texts, 2)
        assert await arank(awaited, "cat", texts) == plain.rank("cat", texts)
    assert awaited.misses == plain.misses == 8
    simple = cached(tmp_path / "simple")
    assert await simple.arank("cat", texts) == simple.rank("cat", texts) == rank(OverlapScorer(), "cat", texts)


async def test_a_scorer_without_a_ranking_is_ranked_the_same_awaited_or_not(tmp_path: Path) -> None:
    with_cache = cached(tmp_path, Scores())
    threshold = sorted(true_score("q", text) for text in DOCUMENTS)[-2]
    for top_k, score_threshold, n_ranked in ((4, threshold, 2), (1, None, 1)):
        expected = rank(Scores(), "q", DOCUMENTS, top_k=top_k, score_threshold=score_threshold)
        assert len(expected) == n_ranked
        assert with_cache.rank("q", DOCUMENTS, top_k, score_threshold) == expected
        assert await with_cache.arank("q", DOCUMENTS, top_k, score_threshold) == expected


async def test_a_lookup_does_not_hold_up_the_event_loop(tmp_path: Path) -> None:
    cached(tmp_path).score("cat", DOCUMENTS)
    other = sqlite3.connect(files(tmp_path)[0], isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")  # which keeps readers out as well
    other.execute("BEGIN IMMEDIATE")
    with_cache = cached(tmp_path)
    waiting = asyncio.create_task(with_cache.ascore("cat", DOCUMENTS))
    for _ in range(20):
        await asyncio.sleep(0.01)
    assert not waiting.done()  # and here we are
    other.execute("ROLLBACK")
    other.close()
    assert await waiting == OverlapScorer().score("cat", DOCUMENTS)
    assert with_cache.hits == 5


def test_no_documents_call_no_scorer_and_make_no_file(tmp_path: Path) -> None:
    scorer = OverlapScorer()
    with_cache = cached(tmp_path / "none", scorer)
    assert list(with_cache.score("q", [])) == list(with_cache.predict([])) == with_cache.rank("q", []) == []
    assert scorer.calls == []
    assert not (tmp_path / "none").exists()
    assert "hits=0, misses=0)" in repr(with_cache)


@pytest.mark.parametrize("copied", [lambda scorer: scorer, lambda scorer: pickle.loads(pickle.dumps(scorer))])  # noqa: S301 - our own
def test_scores_of_a_model_that_a_service_has_by_now_are_not_kept_as_those_of_before(
    copied: Callable[[CachedScorer], CachedScorer], tmp_path: Path
) -> None:
    def pages(revision: str) -> dict[str, object]:
        return {"/info": {"model_id": "a/model", "model_type": {"reranker": {}}, "model_sha": revision}}

    with faking(pages=pages("one")) as fake, RemoteScorer(fake.url) as remote:
        with_cache = copied(CachedScorer(remote, tmp_path))
        first = with_cache.score("q", ["a"])
        fake.pages = pages("two")
        assert with_cache.score("q", ["a"]) == first
        for ask in (with_cache.score, with_cache.rank):
            with pytest.raises(ScoringError, match="its service has another model now: make a new CachedScorer"):
                ask("q", ["a", "bb"])
        with pytest.raises(ScoringError, match="its service has another model now"):
            asyncio.run(with_cache.ascore("q", ["bb"]))
        n_posts = len(fake.posts)
        assert CachedScorer(remote, tmp_path).score("q", ["a", "bb"]) == [1 / 2, 1 / 3]
        assert len(fake.posts) == n_posts + 1
        own = cached(tmp_path / "own", remote)
        fake.pages = pages("three")
        assert own.score("q", ["a"]) == first, "who names the scores himself says when they are others"


def test_a_service_that_no_longer_says_its_model_is_to_blame_and_no_pair(tmp_path: Path) -> None:
    info = {"model_id": "a/model", "model_type": {"reranker": {}}, "model_sha": "one"}

    def stop_saying(results: list[Any]) -> list[Any]:
        fake.pages = {"/info": info | {"model_sha": None}}
        return results

    with faking(pages={"/info": info}) as fake, RemoteScorer(fake.url) as remote:
        with_cache = CachedScorer(remote, tmp_path)
        fake.replies.append(Reply(change=stop_saying))
        with pytest.raises(RemoteError, match="must be of a service that tells what its scores depend on"):
            with_cache.score("q", ["a"])


def test_another_fingerprint_never_matches(tmp_path: Path) -> None:
    scorer = Scores()
    CachedScorer(scorer, tmp_path).score("cat", DOCUMENTS)
    cached(tmp_path, scorer, fingerprint="other").score("cat", DOCUMENTS)
    assert len(scorer.asked) == 8
    folder = tmp_path / "model"
    before = CachedScorer(CrossEncoder(bert(folder)), tmp_path)
    assert before.fingerprint() == CrossEncoder(folder).fingerprint()
    before.score("cat", DOCUMENTS)
    bert(folder, num_hidden_layers=1)
    after = CachedScorer(CrossEncoder(folder), tmp_path)
    assert list(after.score("cat", DOCUMENTS)) == CrossEncoder(folder).score("cat", DOCUMENTS).tolist()
    assert after.misses == 4


TEXT = st.text(st.characters(), max_size=4) | st.just("\ud800")


@given(st.lists(st.tuples(TEXT, TEXT, TEXT, TEXT), min_size=2, max_size=2, unique=True))
def test_different_pairs_have_different_keys(requests: list[tuple[str, str, str, str]]) -> None:
    one, two = (pair_keys(call, mark, [(query, text)]) for call, mark, query, text in requests)
    assert one != two


def test_the_folder_holds_no_text(tmp_path: Path) -> None:
    cached(tmp_path, fingerprint="a secret mark").score("a secret query", ["a secret document"])
    assert not any(b"secret" in path.read_bytes() for path in tmp_path.iterdir())


def test_a_copy_in_another_process_goes_on(tmp_path: Path, model: str) -> None:
    with_cache = CachedScorer(CrossEncoder(model), tmp_path, max_scores=7)
    with_cache.score("cat", DOCUMENTS)
    copy = pickle.loads(pickle.dumps(with_cache))  # noqa: S301 - our own
    copy.score("cat", DOCUMENTS)
    assert (copy.hits, copy.misses) == (5, 0)
    assert copy.fingerprint() == with_cache.fingerprint()
    copy.score("cat", [f"document {number}" for number in range(20)])
    assert n_kept(tmp_path) == 7


class Tagged(CachedScorer):
    """Is made of other arguments, and has more than those."""

    def __init__(self, folder: Path, tag: str) -> None:
        super().__init__(OverlapScorer(), folder, fingerprint="f")
        self.tag = tag


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda scorer: pickle.loads(pickle.dumps(scorer))])  # noqa: S301 - our own
def test_a_copy_of_a_subclass_is_of_it_and_has_what_it_has(
    copied: Callable[[CachedScorer], CachedScorer], tmp_path: Path
) -> None:
    scorer = Tagged(tmp_path, "a tag")
    scores = scorer.score("cat", DOCUMENTS)
    other = copied(scorer)
    assert isinstance(other, Tagged)
    assert (other.tag, other.hits, other.misses) == ("a tag", 0, 0)
    assert other.score("cat", DOCUMENTS) == scores
    assert (other.hits, scorer.hits) == (5, 1), "each counts its own"


def test_scores_are_kept_under_the_files_that_gave_them(tmp_path: Path) -> None:
    folder = bert(tmp_path / "model")
    model, copied = CrossEncoder(folder), CachedScorer(CrossEncoder(folder), tmp_path)
    pickled = pickle.dumps(copied)
    copied.score("cat", DOCUMENTS)
    bert(folder, num_hidden_layers=1)
    with pytest.raises(CheckpointError, match="was changed, moved or removed after the model was loaded"):
        CachedScorer(model, tmp_path)
    copy = pickle.loads(pickled)  # noqa: S301 - our own
    expected = CrossEncoder(folder).score("cat", DOCUMENTS).tolist()
    assert copy.score("cat", DOCUMENTS).tolist() == expected, "a copy loads what lies there now"
    assert copy.fingerprint() == CrossEncoder(folder).fingerprint() != copied.fingerprint()


def n_kept(folder: Path) -> int:
    connection = sqlite3.connect(files(folder)[-1])
    ((n_rows,),) = connection.execute("SELECT count(*) FROM entries")
    connection.close()
    return int(n_rows)


def test_the_least_recently_used_go(tmp_path: Path) -> None:
    with_cache = cached(tmp_path, max_scores=3)
    for text in ("a", "b", "c", "a", "d"):
        with_cache.score("q", [text])
    assert n_kept(tmp_path) == 3
    assert with_cache.hits == 1
    with_cache.score("q", ["a", "c", "d"])
    assert with_cache.hits == 4  # b had to go
    with_cache.score("q", [f"{number}" for number in range(10)])
    assert n_kept(tmp_path) == 3
    cached(tmp_path, max_scores=2).score("q", ["new"])
    assert n_kept(tmp_path) == 2


def test_one_scorer_that_goes_on_keeps_no_more(tmp_path: Path) -> None:
    with_cache = cached(tmp_path, max_scores=200)
    for turn in range(4):
        with_cache.score("q", [f"{turn} {number}" for number in range(100)])
    assert n_kept(tmp_path) == 200


def test_a_folder_that_holds_too_many_loses_them_with_the_first_that_is_kept(tmp_path: Path) -> None:
    cached(tmp_path).score("q", [f"{number}" for number in range(1_000)])
    cached(tmp_path, max_scores=500).score("q", ["new"])  # which is less than a hundredth
    assert n_kept(tmp_path) == 500


def test_what_is_found_need_not_wait_for_a_process_that_writes(tmp_path: Path) -> None:
    with_cache = cached(tmp_path, max_scores=2)
    first = with_cache.score("q", ["a", "b"])
    writer = sqlite3.connect(files(tmp_path)[0], isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    assert with_cache.score("q", ["a", "b"]) == first  # and warns of nothing, as it would after having waited in vain
    writer.execute("ROLLBACK")
    writer.close()
    with_cache.score("q", ["a"])  # which is used last, now that it can be said
    with_cache.score("q", ["c"])
    assert with_cache.hits == 3
    with_cache.score("q", ["a", "c"])
    assert with_cache.hits == 5


def damage_with_garbage(path: Path) -> None:
    path.write_bytes(b"garbage " * 1000)


def damage_the_middle(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 4 : -len(content) // 4] = os.urandom(len(content) - 2 * (len(content) // 4))
    path.write_bytes(content)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def another_version(path: Path) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA user_version = 99")
    connection.close()


def another_table(path: Path) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("DROP TABLE entries")
    connection.close()


def other_scores(path: Path) -> None:
    """What SQLite itself cannot notice."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("UPDATE entries SET value = (SELECT max(value) FROM entries)")
    connection.close()


def other_digits(path: Path) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("UPDATE entries SET value = CAST(replace(CAST(value AS TEXT), '.0', '.5') AS BLOB)")
    connection.close()


DAMAGES = [
    damage_with_garbage, damage_the_middle, truncate, another_version, another_table, other_scores, other_digits,
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_a_warning_and_a_fresh_start(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    texts = [f"q {number}" for number in range(2000)]
    expected = cached(tmp_path, Scores()).score("q", texts)  # and nobody has it open any more
    (path,) = files(tmp_path)
    damage(path)
    with_cache = cached(tmp_path, Scores())
    with pytest.warns(RuntimeWarning, match="kept scores in .* were damaged and are not used"):
        assert with_cache.score("q", texts) == expected
    assert with_cache.score("new", texts) == [true_score("new", text) for text in texts]
    assert with_cache.score("new", texts) == [true_score("new", text) for text in texts]
    assert with_cache.hits >= len(texts)
    assert path not in files(tmp_path)
    assert len(files(tmp_path)) == 1


def test_an_index_that_is_damaged_alone_is_damage_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Damaged(sqlite3.Connection):
        def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
            if sql.startswith("SELECT key"):
                error = sqlite3.DatabaseError("index corrupted")
                error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT_INDEX
                raise error
            return super().execute(sql, *parameters)

    cached(tmp_path).score("cat", DOCUMENTS)
    connect = sqlite3.connect
    with monkeypatch.context() as damaged:
        damaged.setattr(sqlite3, "connect", lambda *place, **options: connect(*place, **options, factory=Damaged))
        with pytest.warns(RuntimeWarning, match="were damaged and are not used: index corrupted"):
            again = cached(tmp_path).score("cat", DOCUMENTS)
    assert again == OverlapScorer().score("cat", DOCUMENTS)
    assert [path.name for path in files(tmp_path)] == ["scores-2.sqlite3"]


def test_what_shows_warnings_may_use_the_same_scores(tmp_path: Path) -> None:
    cached(tmp_path, Scores()).score("q", ["a"])
    (path,) = files(tmp_path)
    damage_with_garbage(path)
    path.with_name(path.name + "-shm").mkdir()  # no file, and not to be removed as one
    with_cache = cached(tmp_path, Scores())
    said: list[str] = []

    def show(message: Warning | str, *_: object) -> None:
        said.append(str(message))
        if len(said) < 3:
            with_cache.score("q", [str(message)])

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = show  # type: ignore[assignment] # it takes whatever it is given
        thread = threading.Thread(target=with_cache.score, args=("q", ["a"]), daemon=True)
        thread.start()
        thread.join(20)
    assert not thread.is_alive(), "it waits for itself"
    assert any("cannot be removed" in text for text in said)


def test_a_release_with_another_table_leaves_the_files_of_this_one_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached(tmp_path).score("q", ["a", "b"])
    with monkeypatch.context() as later:
        later.setattr("secondpass.score_cache.store._VERSION", 2)
        for turn in range(2):
            of_later = cached(tmp_path)
            of_later.score("q", ["a", "b"])
            assert of_later.hits == 2 * turn
        assert [path.name for path in files(tmp_path)] == ["scores-1.sqlite3", "scores-v2-1.sqlite3"]
        damage_with_garbage(tmp_path / "scores-v2-1.sqlite3")
        with pytest.warns(RuntimeWarning, match="were damaged"):
            cached(tmp_path).score("q", ["a", "b"])
    with_cache = cached(tmp_path)
    with_cache.score("q", ["a", "b"])
    assert with_cache.hits == 2
    assert [path.name for path in files(tmp_path)] == ["scores-1.sqlite3", "scores-v2-2.sqlite3"]


@given(position=st.floats(0, 1, exclude_max=True), length=st.integers(1, 200), value=st.integers(0, 255))
def test_no_damage_makes_a_score_wrong(
    tmp_path_factory: pytest.TempPathFactory, position: float, length: int, value: int
) -> None:
    folder = tmp_path_factory.mktemp("damage")
    texts = [f"text {number}" for number in range(30)]
    expected = [true_score("q", text) for text in texts]
    cached(folder, Scores()).score("q", texts)
    (path,) = files(folder)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    content = bytearray(path.read_bytes())
    start = int(position * len(content))
    content[start : start + length] = bytes([value]) * len(content[start : start + length])
    path.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        with_cache = cached(folder, Scores())
        for _ in range(2):
            assert with_cache.score("q", texts) == expected


def test_a_folder_that_is_emptied_is_filled_again(tmp_path: Path) -> None:
    with_cache = cached(tmp_path)
    with_cache.score("cat", DOCUMENTS)
    for path in tmp_path.iterdir():
        path.unlink()
    for _ in range(2):
        assert with_cache.score("cat", DOCUMENTS) == OverlapScorer().score("cat", DOCUMENTS)
    assert with_cache.misses == 8
    assert n_kept(tmp_path) == 4


def test_a_folder_that_cannot_be_made_is_a_warning(tmp_path: Path) -> None:
    with_cache = cached(tmp_path / "folder")
    (tmp_path / "folder").write_text("in the way")
    with pytest.warns(RuntimeWarning, match="scores cannot be kept in .*folder, scoring goes on without: "):
        assert with_cache.score("cat", DOCUMENTS) == OverlapScorer().score("cat", DOCUMENTS)
    assert (tmp_path / "folder").read_text() == "in the way"


# Every script below begins so; its arguments are where these helpers lie, and the folder.
BEGINNING = """
import os, sys, warnings
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from scorers import Scores, true_score
from secondpass import CachedScorer
folder = Path(sys.argv[2])

def is_right(scorer, query, texts):
    return list(scorer.score(query, texts)) == [true_score(query, text) for text in texts]
"""
UNWRITABLE = """
if os.geteuid() == 0:
    os.setuid(65534)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    print(is_right(CachedScorer(Scores(), folder), "cat", ["a", "b"]))
print({str(warning.message).partition(":")[0] for warning in caught})
"""
FULL = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))  # no file may grow further, as on a full disk
scorer = CachedScorer(Scores(), folder)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    print(all(is_right(scorer, f"{n % 60}", [f"text {m}" for m in range(100)]) for n in range(120)))
print({str(warning.message).partition(":")[0] for warning in caught})
"""
FORKED = """
scorer = CachedScorer(Scores(), folder)
print(is_right(scorer, "parent", ["a", "b"]), flush=True)
if os.fork() == 0:
    print(is_right(scorer, "parent", ["a", "b"]), is_right(scorer, "child", ["a", "b"]), scorer.misses, flush=True)
    os._exit(0)
os.wait()
print(is_right(scorer, "parent", ["a", "b"]), is_right(scorer, "child", ["a", "b"]), scorer.misses)
"""
FOREVER = """
scorer = CachedScorer(Scores(), folder, max_scores=3000)
for n in range(1_000_000):
    assert is_right(scorer, f"{n % 40}", [f"text {m}" for m in range(100)])
    print(n, flush=True)
"""


def started(script: str, folder: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", BEGINNING + script, str(Path(__file__).parent / "support"), str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # noqa: S603 - our own


def printed(script: str, folder: Path) -> list[str]:
    process = started(script, folder)
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return output.splitlines()


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="permissions of POSIX")
@pytest.mark.parametrize("mode", [0o555, 0o000], ids=["read-only", "closed"])
def test_a_folder_that_must_not_be_written_to_is_a_warning(mode: int) -> None:
    with TemporaryDirectory() as name:  # pytest's own folders are closed to others
        Path(name).chmod(0o755)
        folder = Path(name, "outer", "inner")
        CachedScorer(Scores(), folder).score("cat", ["a"])
        for path in folder.iterdir():
            path.chmod(0o444)
        folder.chmod(0o555)
        folder.parent.chmod(mode)
        output = printed(UNWRITABLE, folder)
        folder.parent.chmod(0o755)
        folder.chmod(0o755)
    assert output == ["True", f"{{{f'scores cannot be kept in {folder}, scoring goes on without'!r}}}"]


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_a_full_disk_is_a_warning(tmp_path: Path) -> None:
    assert printed(FULL, tmp_path) == [
        "True",
        f"{{{f'scores cannot be kept in {tmp_path}, scoring goes on without'!r}}}",
    ]
    assert [path.name for path in files(tmp_path)] == ["scores-1.sqlite3"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_process_goes_on_with_it(tmp_path: Path) -> None:
    assert printed(FORKED, tmp_path) == ["True", "True True 4", "True True 2"]


@forks
def test_a_forked_process_goes_on_with_all_of_several(tmp_path: Path) -> None:
    several = [cached(tmp_path / name, Scores()) for name in "ab"]

    def is_right(document: str) -> bool:
        return all(one.score("q", [document]) == [true_score("q", document)] for one in several)

    assert is_right("before")
    assert holds_in_child(lambda: is_right("child"))
    assert is_right("parent")
    assert [one.hits for one in several] == [0, 0]
    assert is_right("child")
    assert [one.hits for one in several] == [1, 1]


def test_16_threads_share_one(tmp_path: Path) -> None:
    with_cache = cached(tmp_path, Scores())
    start = threading.Barrier(16)

    def work(thread: int) -> bool:
        start.wait()
        return all(
            with_cache.score(f"{(thread + turn) % 5}", DOCUMENTS)
            == [true_score(f"{(thread + turn) % 5}", text) for text in DOCUMENTS]
            for turn in range(20)
        )

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(work, range(16)))
    assert n_kept(tmp_path) == 5 * 4
    assert with_cache.hits + with_cache.misses == 16 * 20 * 5


def test_processes_share_one_folder_and_may_be_killed_in_the_middle(tmp_path: Path) -> None:
    processes = [started(FOREVER, tmp_path) for _ in range(2)]
    with_cache = cached(tmp_path, Scores(), fingerprint=None, max_scores=3000)
    texts = [f"text {number}" for number in range(100)]
    for kill in range(4):
        process = processes.pop(0)
        assert process.stdout is not None
        first = process.stdout.readline()  # it is at work
        for turn in range(10):
            query = f"{kill * 10 + turn}"
            assert with_cache.score(query, texts) == [true_score(query, text) for text in texts]
        time.sleep(0.01 * kill)  # to stop them in other places
        process.kill()
        _, errors = process.communicate()
        assert first == "0\n", errors
        assert process.returncode == -signal.SIGKILL, errors
        processes.append(started(FOREVER, tmp_path))
    for process in processes:
        process.kill()
        process.communicate()
    assert len(files(tmp_path)) == 1
    connection = sqlite3.connect(files(tmp_path)[0])
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    assert n_kept(tmp_path) <= 3000 * 1.1


def test_it_is_a_stage_of_a_cascade_and_no_cascade_is_cached(tmp_path: Path) -> None:
    stages = [cached(tmp_path), cached(tmp_path, Scores(), fingerprint="other")]
    cascade = Cascade(stages, keep=2)
    assert cascade.rank("cat", DOCUMENTS) == Cascade([OverlapScorer(), Scores()], keep=2).rank("cat", DOCUMENTS)
    assert "'f', 'other'" in cascade.fingerprint()
    with pytest.raises(InputError, match="scorer must score each document by itself, which a Cascade does not"):
        CachedScorer(cascade, tmp_path)


class Listwise(Scores):
    """Says that its scores depend on the company of a document."""

    is_pointwise = False


@pytest.mark.parametrize("fingerprint", [None, "given"])
@pytest.mark.parametrize(
    "wrap",
    [
        calibrated,
        lambda cascade: calibrated(Cascade([cascade, Scores()], keep=2)),
        lambda _: Listwise(),
        lambda _: calibrated(Listwise()),
    ],
)
def test_nothing_around_a_cascade_is_cached(
    tmp_path: Path, wrap: Callable[[Any], Any], fingerprint: str | None
) -> None:
    cascade = Cascade([Scores(), Scores()], keep=2)
    with pytest.raises(InputError, match=r"scorer must score each document by itself, .* got (Calibrated|Listwise)"):
        CachedScorer(wrap(cascade), tmp_path, fingerprint=fingerprint)
    assert files(tmp_path) == []


def test_a_calibrated_scorer_is_cached_where_what_it_wraps_may_be(tmp_path: Path) -> None:
    scorer = Scores()
    expected = calibrated(Scores()).score("cat", DOCUMENTS)
    for _ in range(2):
        np.testing.assert_array_equal(CachedScorer(calibrated(scorer), tmp_path).score("cat", DOCUMENTS), expected)
    assert len(scorer.asked) == len(set(DOCUMENTS))


class Raw(Scores):
    """Ranks by itself."""

    def rank(self, query: str, documents: Sequence[str]) -> list[RankedDocument]:
        return rank(Scores(), query, documents)


@pytest.mark.parametrize("kind", [Scores, Raw])
async def test_equal_probabilities_keep_the_order_of_what_they_were_made_of(tmp_path: Path, kind: Any) -> None:
    scorer = Calibrated(kind(), steps(fingerprint="scores"))
    documents = ["a", "c", "b", "d"]  # `true_score` orders them by their letters, and all of them are 0.9
    expected = scorer.rank("q", documents)
    assert [(document.text, document.score) for document in expected] == [(text, 0.9) for text in "dcba"]
    with_cache = CachedScorer(scorer, tmp_path)
    with_cache.rank("q", documents[:2])  # so that the others are ranked apart from these
    for _ in range(2):
        assert with_cache.rank("q", documents) == expected
        assert await with_cache.arank("q", documents) == expected
        assert with_cache.rank("q", documents, top_k=1) == expected[:1]
        cascade = Cascade([with_cache, kind()], keep=1)
        assert cascade.rank("q", documents) == Cascade([scorer, kind()], keep=1).rank("q", documents)


def test_a_calibrated_model_keeps_its_order_too(tmp_path: Path) -> None:
    logits = CrossEncoder("secondpass/mini", activation="identity")
    model = CrossEncoder("secondpass/mini", calibration=steps(logit=100, fingerprint=logits.fingerprint()))
    documents = ["A sourdough starter is flour and water.", "The Berlin Wall.", "Berlin has 3.5 million inhabitants."]
    expected = model.rank("inhabitants of Berlin", documents)
    assert [document.index for document in expected] == [
        document.index for document in logits.rank("inhabitants of Berlin", documents)
    ]
    assert {document.score for document in expected} == {0.1}
    for _ in range(2):
        # What `read` gives is of single precision.
        read = CachedScorer(model, tmp_path).read([("inhabitants of Berlin", document) for document in documents])
        assert set(read.scores.tolist()) == {float(np.float32(0.1))}
        assert CachedScorer(model, tmp_path).rank("inhabitants of Berlin", documents) == expected


def test_rankings_kept_without_raw_scores_are_not_used(tmp_path: Path) -> None:
    scorer = Calibrated(Scores(), steps(fingerprint="scores"))
    pairs = [("q", text) for text in "ab"]
    for call in ("rank", "rankings other", "rankings model"):
        before = dict.fromkeys(pair_keys(call, scorer.fingerprint(), pairs), b'[0.9, "list", null, null, null]')
        ScoreStore(tmp_path, 100).write(before)
    assert [document.text for document in CachedScorer(scorer, tmp_path).rank("q", ["a", "b"])] == ["b", "a"]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda folder: CachedScorer(OverlapScorer(), folder), InputError, "fingerprint must be given for a scorer"),
        (lambda folder: cached(folder, fingerprint=""), InputError, "fingerprint must not be empty, got ''"),
        (lambda folder: cached(folder, fingerprint=1), InputTypeError, "fingerprint must be text, got int 1"),
        (lambda folder: cached(folder, "secondpass/mini"), InputTypeError, "scorer must be an object with .* got str"),
        (lambda folder: cached(folder, max_scores=0), InputError, "max_scores must be at least 1, got 0"),
        (lambda folder: cached(folder, max_scores=None), InputTypeError, "max_scores must be an integer, got NoneType"),
        (lambda folder: cached(folder, max_scores=1.5), InputTypeError, "max_scores must be an integer, got float 1.5"),
        (lambda folder: cached(folder, Scores), InputTypeError, "scorer must be an object with .* got the class"),
        (lambda _: cached(None), InputTypeError, "folder must be a path, got NoneType None"),  # type: ignore[arg-type]
        (lambda _: CachedScorer(Scores(), ""), InputError, 'folder must be a path, got ""'),
        (
            lambda folder: cached(folder / "file"),
            InputError,
            "folder must be a folder or a new path, got a file: .*file",
        ),
    ],
)
def test_what_arguments_may_not_be(
    tmp_path: Path, make: Callable[[Path], CachedScorer], error: type[Exception], message: str
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(error, match=message):
        make(tmp_path)


def test_a_folder_is_any_kind_of_path(tmp_path: Path) -> None:
    class Named:
        def __fspath__(self) -> str:
            return str(tmp_path / "scores")

    scorer = CachedScorer(Scores(), Named())
    scorer.score("q", ["a"])
    assert len(files(tmp_path / "scores")) == 1


def test_a_folder_stays_where_it_was_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    with_cache = cached(Path("kept"))
    monkeypatch.chdir("elsewhere")
    with_cache.score("q", ["a"])
    assert n_kept(tmp_path / "kept") == 1
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    "call",
    [
        lambda scorer: scorer.rank("q", ["a"], top_k=0),
        lambda scorer: scorer.score(None, ["a"]),
        lambda scorer: scorer.score("q", "one text"),
        lambda scorer: scorer.predict([("q",)]),
    ],
)
def test_requests_are_checked_before_anything_is_done(tmp_path: Path, call: Any) -> None:
    scorer = OverlapScorer()
    with pytest.raises(InputError):
        call(cached(tmp_path, scorer))
    assert scorer.calls == []
    assert files(tmp_path) == []
