"""What any scorer says of pairs: that its call is asked that tells most, and what it does not say is not made up."""

import dataclasses
from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scorers import Scores, true_score

from secondpass import Passage, RankedDocument
from secondpass.errors import ScoringError
from secondpass.ranking import Pair, Readings, rank, read_pairs

PAIRS = [("cat", "a"), ("dog", "b"), ("cat", "c"), ("dog", "a"), ("cat", "c")]
TRUE = [true_score(*pair) for pair in PAIRS]


class Pairs(Scores):
    def predict(self, pairs: Iterable[Pair]) -> list[float]:
        self.asked += (given := list(pairs))
        return [true_score(*pair) for pair in given]


class Ranks(Pairs):
    """Says what it read, and of documents called `a` not whether that was all; orders by what it mapped to 1."""

    n_rankings = 0

    def rank(self, query: str, documents: Sequence[str]) -> list[RankedDocument]:
        self.n_rankings += 1
        return [
            RankedDocument(
                ranked.index,
                1.0,
                ranked.text,
                Passage(0, 1, 1.0),
                truncated=None if ranked.text == "a" else ranked.text == "b",
                raw_score=ranked.score,
            )
            for ranked in rank(Scores(), query, documents)
        ]


class Reads(Ranks):
    """Gives these readings, whatever it is asked."""

    def __init__(self, readings: Any) -> None:
        super().__init__()
        self.readings = readings

    def read(self, pairs: Iterable[Pair]) -> Any:
        self.asked += pairs
        return self.readings


def test_passages_in_numbers_of_numpy_become_ones_in_pythons_own() -> None:
    integer: Any = np.int64
    number: Any = np.float32
    passages = [Passage(integer(1), integer(2), number(0.5)), *[None] * 4]
    read = read_pairs(Reads(Readings(np.array(TRUE), np.full(5, fill_value=False), passages)), PAIRS)
    assert read.passages == [Passage(1, 2, 0.5), *[None] * 4]
    (passage,) = filter(None, read.passages)
    assert [type(value) for value in dataclasses.astuple(passage)] == [int, int, float]


def test_truncations_that_are_numpys_beside_none_become_pythons_own() -> None:
    truncated = np.array([np.True_, None, np.False_, None, np.True_], np.object_)
    read = read_pairs(Reads(Readings(np.array(TRUE), truncated, [None] * 5)), PAIRS)
    assert [said if said is None else type(said) for said in read.truncated] == [bool, None, bool, None, bool]
    assert read.truncated.tolist() == [True, None, False, None, True]


@pytest.mark.parametrize("kind", [Scores, Pairs])
def test_a_scorer_of_scores_says_nothing_else(kind: type[Scores]) -> None:
    read = read_pairs(kind(), PAIRS)
    assert read.scores.tolist() == TRUE
    assert read.truncated.tolist() == read.passages == [None] * 5
    assert (read.n_tokens, read.raw_scores) == (None, None)


def test_a_scorer_that_ranks_is_asked_for_that_once_per_query() -> None:
    scorer = Ranks()
    read = read_pairs(scorer, PAIRS)
    assert (scorer.n_rankings, scorer.asked) == (2, [])
    assert read.scores.tolist() == [1.0] * 5
    assert read.raw_scores is not None
    assert read.raw_scores.tolist() == TRUE
    assert read.truncated.tolist() == [None, True, False, None, False]
    assert read.passages == [Passage(0, 1, 1.0)] * 5


def test_a_scorer_that_reads_is_asked_for_that_in_one_call() -> None:
    scores, truncated = np.arange(5, dtype=np.float32), np.array([True, False] * 2 + [True])
    scorer = Reads(Readings(scores, truncated, [None] * 5, np.arange(5), scores - 9))
    read = read_pairs(scorer, PAIRS)
    assert (scorer.asked, scorer.n_rankings) == (PAIRS, 0)
    assert read.n_tokens is not None
    assert read.raw_scores is not None
    assert read.scores.tolist() == read.n_tokens.tolist() == (read.raw_scores + 9).tolist() == [0, 1, 2, 3, 4]
    assert read.truncated.tolist() == truncated.tolist()


def test_readings_of_ones_own_need_not_say_everything() -> None:
    own = SimpleNamespace(scores=[1.0, 2.0], truncated=[False, None], passages=(None, None))
    read = read_pairs(Reads(own), PAIRS[:2])
    assert (read.scores.tolist(), read.truncated.tolist(), read.passages) == ([1.0, 2.0], [False, None], [None, None])
    assert (read.n_tokens, read.raw_scores) == (None, None)


def test_no_pairs_never_reach_the_scorer() -> None:
    scorer = Reads(None)
    assert len(read_pairs(scorer, [])) == 0
    assert scorer.asked == []


@pytest.mark.parametrize(
    ("scores", "truncated", "message"),
    [
        ([1.0], [False] * 2, "one score per document"),
        ([1.0, float("nan")], [False] * 2, "got NaN for document 1"),
        ([1.0, 2.0], [False], "a scorer's read must say truncated and passages of each of 2 pairs, got 1 and 2"),
    ],
)
def test_readings_that_would_go_astray_are_refused(scores: list[float], truncated: list[bool], message: str) -> None:
    wrong = SimpleNamespace(scores=scores, truncated=truncated, passages=[None, None])
    with pytest.raises(ScoringError, match=message):
        read_pairs(Reads(wrong), PAIRS[:2])


def test_parts_together_say_what_all_of_them_say() -> None:
    mapped = Readings(np.array([0.5]), np.array([True]), [None], np.array([3]), np.array([7.0]))
    plain = Readings.of_scores(np.array([2.0]))
    both = Readings.concatenate([mapped, plain])
    assert both.raw_scores is not None
    assert both.raw_scores.tolist() == [7.0, 2.0]
    assert (both.truncated.tolist(), both.n_tokens) == ([True, None], None)
    twice = Readings.concatenate([mapped, mapped])
    assert twice.n_tokens is not None
    assert twice.n_tokens.tolist() == [3, 3]
    assert twice.truncated.dtype == np.bool_
