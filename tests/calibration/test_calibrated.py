"""Any scorer, calibrated: probabilities, in the scorer's own order."""

import asyncio
import copy
import pickle
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkpoints import bert
from fake_service import closed_url, faking
from hypothesis import given
from hypothesis import strategies as st
from judgements import platt, steps
from scorers import Fixed, Scores, true_score

from secondpass import (
    AsyncScorer,
    Calibrated,
    Cascade,
    CrossEncoder,
    RankedDocument,
    RemoteScorer,
    Scorer,
    arank,
    rank,
)
from secondpass.errors import InputError, InputTypeError, NoFingerprintError, RemoteError, ScoringError
from secondpass.ranking import AsyncRankingScorer, Pair, PairScorer, Passage

FILES = "a" * 64
# Of the logits 2, 4 and 0: the sigmoids of 0, 1 and -1.
PLATT = platt(0.5, -1.0)


class Named(Fixed):
    def fingerprint(self) -> str:
        return f"{FILES} float32 512 0 identity"


def test_scores_are_probabilities_by_hand() -> None:
    scorer = Calibrated(Fixed([2.0, 4.0, 0.0]), PLATT)
    expected = [0.5, 0.7310585786, 0.2689414214]
    assert scorer.score("q", ["a", "b", "c"]) == pytest.approx(expected, abs=1e-7)
    assert asyncio.run(scorer.ascore("q", ["a", "b", "c"])) == pytest.approx(expected, abs=1e-7)
    assert scorer.predict([("q", "a"), ("q", "b"), ("q", "c")]) == pytest.approx(expected, abs=1e-7)
    assert scorer.score("q", []).tolist() == []
    best = [("b", pytest.approx(expected[1])), ("a", 0.5)]
    for top_k, score_threshold, n_kept in ((None, 0.5, 2), (2, None, 2), (1, 0.5, 1)):
        for ranked in (
            scorer.rank("q", ["a", "b", "c"], top_k, score_threshold),
            asyncio.run(scorer.arank("q", ["a", "b", "c"], top_k, score_threshold)),
        ):
            assert [(document.text, document.score) for document in ranked] == best[:n_kept]


def test_no_documents_are_no_call() -> None:
    class Unasked(Fixed):
        async def ascore(self, query: str, documents: Sequence[str]) -> Sequence[float]:
            raise AssertionError(query, documents)

    scorer = Calibrated(Unasked([]), PLATT)
    assert isinstance(Unasked([]), AsyncScorer)
    assert asyncio.run(scorer.ascore("q", [])).tolist() == []


def test_it_is_every_kind_of_scorer() -> None:
    scorer = Calibrated(Fixed([1.0]), PLATT)
    for kind in (Scorer, AsyncScorer, PairScorer, AsyncRankingScorer):
        assert isinstance(scorer, kind)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=12))
def test_the_order_is_the_scorers_even_where_probabilities_tie(scores: list[float]) -> None:
    texts = [f"text {i}" for i in range(len(scores))]
    expected = [document.index for document in rank(Fixed(scores), "q", texts)]
    for calibration in (PLATT, steps()):
        scorer = Calibrated(Fixed(scores), calibration)
        rankings = (
            scorer.rank("q", texts),
            rank(scorer, "q", texts),
            asyncio.run(arank(scorer, "q", texts)),
            rank(Calibrated(Fixed(scores), calibration), "q", texts, top_k=len(texts)),
        )
        for ranking in rankings:
            assert [document.index for document in ranking] == expected
            probabilities = [document.score for document in ranking]
            assert probabilities == sorted(probabilities, reverse=True)


def test_passages_are_in_probabilities_too() -> None:
    class Reading(Fixed):
        def rank(self, _: str, documents: Sequence[str]) -> list[RankedDocument]:
            return [RankedDocument(0, 4.0, documents[0], Passage(0, 1, 4.0), truncated=False)]

    (ranked,) = Calibrated(Reading([4.0]), PLATT).rank("q", ["a"])
    assert ranked.passage is not None
    assert (ranked.passage.start, ranked.passage.end) == (0, 1)
    assert ranked.passage.score == ranked.score
    assert ranked.score == pytest.approx(0.7310585786)
    assert ranked.truncated is False


def test_what_a_model_read_is_said_of_pairs_too() -> None:
    logits = CrossEncoder("secondpass/mini", activation="identity")
    calibration = steps(logit=100, fingerprint=logits.fingerprint())
    pairs = [("berlin", "the berlin wall fell. " * 200), ("forest", ""), ("berlin", "a wall")]
    expected = CrossEncoder("secondpass/mini", calibration=calibration).read(pairs)
    found = Calibrated(logits, calibration).read(iter(pairs))
    assert found.scores.tolist() == expected.scores.tolist()
    assert found.truncated.tolist() == expected.truncated.tolist() == [True, False, False]
    assert found.passages == expected.passages
    for ours, theirs in ((found.n_tokens, expected.n_tokens), (found.raw_scores, expected.raw_scores)):
        assert ours is not None
        assert theirs is not None
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    silent = Calibrated(Fixed([2.0]), PLATT).read([("q", "a")])
    assert (silent.scores.tolist(), silent.truncated.tolist(), silent.passages) == ([0.5], [None], [None])


def test_a_scorer_that_says_what_it_is_must_be_the_one_it_was_fitted_for(tmp_path: Path) -> None:
    mine = platt(fingerprint=f"{FILES} bfloat16 512 0 identity")
    mine.save(tmp_path / "c.json")
    scorer = Calibrated(Named([1.0]), tmp_path / "c.json")
    assert scorer.calibration == mine
    assert scorer.fingerprint() == f"{FILES} float32 512 0 identity calibration:{mine.digest()}"
    with pytest.raises(InputError, match="calibration must be of this model"):
        Calibrated(Named([1.0]), platt(fingerprint=f"{FILES} float32 512 0 sigmoid"))
    with pytest.raises(InputError, match="calibration must say which model"):
        Calibrated(Named([1.0]), PLATT)
    Calibrated(Fixed([1.0]), mine)  # which says nothing, so that nothing can be checked
    with pytest.raises(NoFingerprintError, match=r"scorer must have a method fingerprint\(\), which Fixed lacks"):
        Calibrated(Fixed([1.0]), mine).fingerprint()


def test_nothing_can_be_checked_of_a_scorer_that_has_the_method_and_no_fingerprint() -> None:
    cascade = Cascade([Named([2.0]), Fixed([4.0])], keep=1)
    assert Calibrated(cascade, PLATT).score("q", ["a"]) == pytest.approx([0.7310585786], abs=1e-7)
    with faking(pages={}) as fake, RemoteScorer(fake.url, api="vllm", raw_scores=True) as silent:
        scorer = Calibrated(silent, platt(1.0, 0.0))
        (raw,) = silent.score("q", ["a text"])
        assert scorer.score("q", ["a text"]) == pytest.approx([1 / (1 + np.exp(-raw))], abs=1e-6)
        with pytest.raises(NoFingerprintError, match="url must be of a service that tells"):
            scorer.fingerprint()


def test_a_fingerprint_that_cannot_be_told_is_not_none() -> None:
    with pytest.raises(RemoteError, match="could not be reached"):
        Calibrated(RemoteScorer(closed_url(), retries=0), PLATT)
    pages = {"/v1/models": {"data": [{"id": "m"}]}}
    with faking(pages=pages) as fake, RemoteScorer(fake.url, raw_scores=True) as without_raw_scores:
        with pytest.raises(InputError, match="raw_scores must be False"):
            Calibrated(without_raw_scores, PLATT)
        failing = RemoteScorer(fake.url, on_failure="keep_order")
        with pytest.raises(InputError, match="scorer must raise its failures"):
            Calibrated(Cascade([Fixed([1.0]), failing], keep=1), PLATT)


def test_a_cross_encoder_that_gives_a_sigmoid_is_not_the_one_that_gave_logits() -> None:
    logits = CrossEncoder("secondpass/mini", activation="identity")
    calibration = platt(fingerprint=logits.fingerprint())
    assert Calibrated(logits, calibration).score("berlin", ["wall"]) == pytest.approx(
        CrossEncoder("secondpass/mini", calibration=calibration).score("berlin", ["wall"]), abs=1e-7
    )
    with pytest.raises(InputError, match=r"it was fitted with activation identity, this has sigmoid$"):
        Calibrated(CrossEncoder("secondpass/mini", activation="sigmoid"), calibration)


def test_a_copy_whose_files_are_another_models_by_now_is_refused(tmp_path: Path) -> None:
    folder = bert(tmp_path / "model")
    model = CrossEncoder(folder, activation="identity")
    scorer = Calibrated(model, platt(fingerprint=model.fingerprint()))
    pickled, scores = pickle.dumps(scorer), scorer.score("cat", ["a cat"]).tolist()
    assert pickle.loads(pickled).score("cat", ["a cat"]).tolist() == scores  # noqa: S301 - our own
    bert(folder, num_hidden_layers=1)
    with pytest.raises(InputError, match="calibration must be of this model"):
        pickle.loads(pickled)  # noqa: S301 - our own
    with pytest.raises(InputError, match="calibration must be of this model"):
        copy.deepcopy(scorer)
    assert copy.copy(scorer).scorer is model


def test_a_copy_asks_no_service() -> None:
    with faking(pages={}) as fake, RemoteScorer(fake.url, api="vllm", raw_scores=True) as remote:
        scorer = Calibrated(remote, PLATT)
    copied = pickle.loads(pickle.dumps(scorer))  # noqa: S301 - our own
    assert (copied.scorer, copied.calibration) == (remote, PLATT)


def test_a_copy_asks_no_service_in_a_cascade() -> None:
    with faking(pages={}) as fake, RemoteScorer(fake.url, api="vllm", raw_scores=True) as remote:
        first, last = Cascade([remote, Named([1.0])], keep=5), Cascade([Named([1.0]), remote], keep=5)
        scorers = [Calibrated(cascade, PLATT) for cascade in (first, last, Cascade([Named([1.0]), last], keep=5))]
    for scorer in scorers:
        copied = pickle.loads(pickle.dumps(scorer))  # noqa: S301 - our own
        assert copied.calibration == PLATT


def test_what_cannot_be_calibrated_is_refused() -> None:
    with pytest.raises(InputTypeError, match=r"scorer must be an object with .* got str 'model'"):
        Calibrated("model", PLATT)  # type: ignore[arg-type] # what the check is for
    with pytest.raises(InputTypeError, match="calibration must be a Calibration or the file of one, got None"):
        Calibrated(Fixed([1.0]), None)  # type: ignore[arg-type] # likewise
    with pytest.raises(InputError, match="scorer must not be calibrated already"):
        Calibrated(Calibrated(Fixed([1.0]), PLATT), PLATT)
    with pytest.raises(ScoringError, match="got NaN for document 0"):
        Calibrated(Fixed([float("nan")]), PLATT).score("q", ["a"])
    with pytest.raises(InputTypeError, match="documents must be a list of strings"):
        Calibrated(Fixed([1.0]), PLATT).score("q", "text")


class _Counts(Scores):
    """Keeps how much of a stream had been read at its first call, and how often it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.n_read = 0
        self.n_read_at_first_call = 0
        self.n_calls = 0

    def stream(self, pairs: Iterable[Pair]) -> Iterator[Pair]:
        for self.n_read, pair in enumerate(pairs, 1):
            yield pair

    def count(self) -> None:
        self.n_calls += 1
        self.n_read_at_first_call = self.n_read_at_first_call or self.n_read

    def score(self, query: str, documents: Sequence[str]) -> Any:
        self.count()
        return super().score(query, documents)


class _CountsPairs(_Counts):
    def predict(self, pairs: Iterable[Pair]) -> list[float]:
        given = list(pairs)
        self.count()
        return [true_score(*pair) for pair in given]


@pytest.mark.parametrize("kind", [_Counts, _CountsPairs])
def test_a_stream_is_read_in_blocks_of_which_a_query_takes_one_call(kind: type[_Counts]) -> None:
    pairs = [(f"q{number % 7}", f"{number:06d}") for number in range(10_000)]
    scorer = kind()
    calibration = platt(1e-14, 0.0, "scores")
    found = Calibrated(scorer, calibration).predict(scorer.stream(pairs))
    expected = calibration.probabilities([true_score(*pair) for pair in pairs])
    assert found.tolist() == expected.astype(np.float32).tolist()
    assert scorer.n_read_at_first_call < 5_000
    assert scorer.n_calls == 3 * (7 if kind is _Counts else 1)


def test_scores_are_of_the_precision_that_models_have() -> None:
    assert Calibrated(Fixed([1.0]), PLATT).score("q", ["a"]).dtype == np.float32
