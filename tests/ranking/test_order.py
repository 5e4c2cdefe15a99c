"""The order over any scorer, and the scorer that tests use."""

import asyncio
import dataclasses
import json
import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from judgements import platt
from scorers import Fixed

from secondpass import Calibrated, RankedDocument, Scorer, arank, rank
from secondpass.errors import InputTypeError, ScoringError
from secondpass.ranking import Passage, score_pairs
from secondpass.ranking.order import rank_scores
from secondpass.testing import OverlapScorer


@given(st.lists(st.sampled_from([0.0, 1.0, 2.0, float("inf"), float("-inf")]), max_size=12))
def test_the_order_is_pythons_stable_descending_sort(scores: list[float]) -> None:
    ranking = rank(Fixed(scores), "q", [f"text {i}" for i in range(len(scores))])
    assert [ranked.index for ranked in ranking] == sorted(range(len(scores)), key=lambda i: -scores[i])


def test_the_threshold_is_inclusive_and_comes_before_top_k() -> None:
    ranking = rank(Fixed([0.1, 0.9, 0.5]), "q", ["a", "b", "c"], top_k=2, score_threshold=0.5)
    assert ranking == [RankedDocument(1, 0.9, "b"), RankedDocument(2, 0.5, "c")]
    assert rank(Fixed([0.1, 0.9, 0.5]), "q", ["a", "b", "c"], top_k=2, score_threshold=0.95) == []


@pytest.mark.parametrize("scores", [[1.0], [1.0, 2.0, 3.0], [[1.0], [2.0]]])
def test_a_scorer_that_gives_other_than_one_score_per_document(scores: Sequence[float]) -> None:
    with pytest.raises(ScoringError, match="one score per document, got shape"):
        rank(Fixed(scores), "q", ["a", "b"])


@pytest.mark.parametrize(
    "scores",
    [[[1.0], [2.0, 3.0]], [1j, 2j], np.array([1j, 2j]), (score for score in (1.0, 2.0)), ["1", "2"], [10**400, 0]],
    ids=["ragged", "complex", "complex array", "generator", "text", "too large"],
)
def test_a_scorer_that_gives_other_than_real_numbers(scores: Any) -> None:
    with pytest.raises(ScoringError, match="a scorer must give a list or array of real numbers, got "):
        rank(Fixed(scores), "q", ["a", "b"])


@pytest.mark.parametrize("documents", [["a"], []])
@pytest.mark.parametrize("scorer", [OverlapScorer, object(), "a/model", None], ids=["class", "object", "name", "None"])
def test_what_is_no_scorer_is_refused(scorer: Any, documents: list[str]) -> None:
    message = (
        r"scorer must be an object with a method score\(query, documents\), such as a secondpass\.CrossEncoder, got "
    )
    with pytest.raises(InputTypeError, match=message):
        rank(scorer, "q", documents)
    with pytest.raises(InputTypeError, match=message):
        asyncio.run(arank(scorer, "q", documents))


class _OfPairs:
    def score(self, text_pairs: list[tuple[str, str]]) -> list[float]:
        return [0.0 for _ in text_pairs]


class _NoMethod:
    score = 3


class _KeywordsOnly:
    def score(self, *, query: str, documents: Sequence[str]) -> list[float]:
        return [float(len(query)) for _ in documents]


@pytest.mark.parametrize("documents", [["a"], []])
@pytest.mark.parametrize(
    ("scorer", "got"),
    [
        (_OfPairs(), r"_OfPairs <.*, which has score\(text_pairs\)$"),
        (_KeywordsOnly(), r"_KeywordsOnly <.*, which has score\(query, documents\)$"),
        (_NoMethod(), r"_NoMethod <"),
    ],
    ids=["pairs", "keywords", "number"],
)
def test_a_method_that_takes_something_else_is_no_scorers(scorer: Any, got: str, documents: list[str]) -> None:
    with pytest.raises(InputTypeError, match=rf"scorer must be .*, got {got}"):
        rank(scorer, "q", documents)


class _WithMore:
    def score(self, question: str, texts: Sequence[str], scale: float = 2.0) -> list[float]:
        return [scale * len(question) for _ in texts]


class _WithAny:
    def score(self, *args: Any, **_: Any) -> list[float]:
        return [2.0 for _ in args[1]]


def _unsigned(question: str, texts: Sequence[str]) -> list[float]:
    return [2.0 * len(question) for _ in texts]


_unsigned.__signature__ = "none that Python can read"  # type: ignore[attr-defined] # as of a method that is compiled


class _Unsigned:
    score = staticmethod(_unsigned)


@pytest.mark.parametrize("scorer", [_WithMore(), _WithAny(), _Unsigned()], ids=lambda scorer: type(scorer).__name__)
def test_any_method_that_takes_a_query_and_documents_is_a_scorers(scorer: Any) -> None:
    assert [ranked.score for ranked in rank(scorer, "q", ["a", "b"])] == [2.0, 2.0]


class _Emptying:
    """Takes its documents, or pairs, out of the list that it was given."""

    def score(self, _: str, documents: Sequence[str]) -> list[float]:
        assert isinstance(documents, list)
        return [float(len(documents.pop())) for _ in list(documents)][::-1]

    async def ascore(self, query: str, documents: Sequence[str]) -> list[float]:
        return self.score(query, documents)

    def predict(self, pairs: Iterable[tuple[str, str]]) -> list[float]:
        assert isinstance(pairs, list)
        return [float(len(pairs.pop()[1])) for _ in list(pairs)][::-1]


def test_the_list_that_a_scorer_is_given_is_its_own() -> None:
    documents, pairs = ["a", "bbb", "cc"], [("q", "a"), ("q", "bbb"), ("q", "cc")]
    expected = [RankedDocument(1, 3.0, "bbb"), RankedDocument(2, 2.0, "cc"), RankedDocument(0, 1.0, "a")]
    assert rank(_Emptying(), "q", documents) == expected
    assert asyncio.run(arank(_Emptying(), "q", documents)) == expected
    assert score_pairs(_Emptying(), pairs).tolist() == [1.0, 3.0, 2.0]
    probabilities = [0.7310586, 0.9525741, 0.8807971]  # sigmoids of 1, 3 and 2
    assert Calibrated(_Emptying(), platt(1.0, 0.0)).score("q", documents) == pytest.approx(probabilities)
    assert asyncio.run(Calibrated(_Emptying(), platt(1.0, 0.0)).ascore("q", documents)) == pytest.approx(probabilities)
    assert (documents, len(pairs)) == (["a", "bbb", "cc"], 3)


def test_nan_is_an_error_and_never_an_order() -> None:
    with pytest.raises(ScoringError, match="got NaN for document 1"):
        rank_scores(np.array([1.0, np.nan], dtype=np.float32), ["a", "b"])


def test_no_documents_never_reach_the_scorer() -> None:
    scorer = OverlapScorer()
    assert rank(scorer, "q", []) == []
    assert scorer.calls == []


def test_the_overlap_scorer_counts_distinct_query_words() -> None:
    scorer = OverlapScorer()
    assert isinstance(scorer, Scorer)
    assert scorer.score("Wall wall FELL", ["the wall fell", "Wall", "people"]) == [1.0, 0.5, 0.0]
    assert scorer.score("?!", ["anything"]) == [0.0]
    assert scorer.calls == [("Wall wall FELL", ("the wall fell", "Wall", "people")), ("?!", ("anything",))]
    with pytest.raises(InputTypeError):
        scorer.score("q", "one text")


class _Ranking(Fixed):
    """Says of each document what it read: its second half, at twice the document's score."""

    def rank(self, _: str, documents: Sequence[str]) -> list[RankedDocument]:
        ranked = [
            RankedDocument(i, score, text, Passage(len(text) // 2, len(text), 2 * score), truncated=True)
            for i, (score, text) in enumerate(zip(self.scores, documents, strict=True))
        ]
        return sorted(ranked, key=lambda document: -document.score)


class _AsyncRanking(_Ranking):
    async def arank(self, query: str, documents: Sequence[str]) -> list[RankedDocument]:
        return self.rank(query, documents)


@pytest.mark.parametrize("kind", [_Ranking, _AsyncRanking])
def test_what_a_scorer_says_of_its_documents_is_kept(kind: type[_Ranking]) -> None:
    scorer, documents = kind([0.25, 3.0, -1.0]), ["aa", "bbbb", "cc"]
    expected = [
        RankedDocument(1, 6.0, "bbbb", Passage(2, 4, 12.0), truncated=True, raw_score=3.0),
        RankedDocument(0, 0.5, "aa", Passage(1, 2, 1.0), truncated=True, raw_score=0.25),
    ]

    def double(score: float) -> float:
        return 2 * score

    assert rank(scorer, "q", documents, score_threshold=0.0, score_map=double) == expected
    assert asyncio.run(arank(scorer, "q", documents, score_threshold=0.0, score_map=double)) == expected
    assert rank(scorer, "q", documents, top_k=1, score_map=double) == expected[:1]


def test_a_map_of_what_was_mapped_keeps_the_first_raw_score() -> None:
    class Mapped(_Ranking):
        def rank(self, query: str, documents: Sequence[str]) -> list[RankedDocument]:
            ranked = super().rank(query, documents)
            return [dataclasses.replace(document, score=1.0, raw_score=document.score) for document in ranked]

    ranked = rank(Mapped([2.0, 3.0]), "q", ["a", "b"], score_map=lambda score: score / 2)
    assert [(document.index, document.score, document.raw_score) for document in ranked] == [
        (1, 0.5, 3.0),
        (0, 0.5, 2.0),
    ]


@pytest.mark.parametrize("kind", [_Ranking, _AsyncRanking])
@pytest.mark.parametrize("score_map", [None, lambda score: score, platt(1.0, 0.0)], ids=["none", "same", "calibration"])
def test_a_ranking_in_numbers_of_numpy_becomes_one_in_pythons_own(kind: type[_Ranking], score_map: Any) -> None:
    class Numpys(kind):  # type: ignore[valid-type,misc] # either of the two
        def rank(self, query: str, documents: Sequence[str]) -> list[RankedDocument]:
            number: Any = np.float32
            integer: Any = np.int64
            truth: Any = np.bool_
            return [
                RankedDocument(
                    integer(ranked.index),
                    number(ranked.score),
                    ranked.text,
                    Passage(integer(0), integer(1), number(ranked.score)),
                    truncated=truth(1),
                    raw_score=number(ranked.score),
                )
                for ranked in super().rank(query, documents)
            ]

    for ranking in (
        rank(Numpys([0.25, 3.0]), "q", ["aa", "bbbb"], score_map=score_map),
        asyncio.run(arank(Numpys([0.25, 3.0]), "q", ["aa", "bbbb"], score_map=score_map)),
    ):
        assert [ranked.index for ranked in ranking] == [1, 0]
        for ranked in map(dataclasses.asdict, ranking):
            assert json.loads(json.dumps(ranked)) == ranked


@pytest.mark.parametrize(
    ("ranked", "message"),
    [
        ([RankedDocument(0, 1.0, "a")], "each of 2 documents once, got [0]"),
        ([RankedDocument(0, 1.0, "a"), RankedDocument(0, 1.0, "a")], "each of 2 documents once, got [0, 0]"),
        ([RankedDocument(0, math.nan, "a"), RankedDocument(1, 1.0, "b")], "got NaN for document 0"),
        ([{"index": 0}, {"index": 1}], "must give a list of RankedDocument, got"),
    ],
)
def test_a_ranking_that_is_not_one_is_refused(ranked: list[RankedDocument], message: str) -> None:
    class Broken(Fixed):
        def rank(self, _: str, __: Sequence[str]) -> list[RankedDocument]:
            return ranked

    with pytest.raises(ScoringError, match=re.escape(message)):
        rank(Broken([0.0, 0.0]), "q", ["a", "b"])
