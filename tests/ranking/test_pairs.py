"""Pairs of many queries, from scorers that take pairs and from scorers that take one query at a time."""

from collections.abc import Iterable

import pytest

from secondpass.errors import ScoringError
from secondpass.ranking import score_pairs
from secondpass.testing import OverlapScorer

PAIRS = [("cat", "a cat"), ("cat", "a dog"), ("dog", "a dog"), ("cat", "cat and dog")]


class TakesPairs(OverlapScorer):
    """Remembers the pairs of each call, and gives these scores."""

    def __init__(self, scores: list[float]) -> None:
        super().__init__()
        self.scores = scores
        self.predicted: list[list[tuple[str, str]]] = []

    def predict(self, pairs: Iterable[tuple[str, str]]) -> list[float]:
        self.predicted.append(list(pairs))
        return self.scores


def test_a_scorer_of_pairs_gets_them_in_one_call() -> None:
    scorer = TakesPairs([0.1, 0.2, 0.3, 0.4])
    assert score_pairs(scorer, PAIRS).tolist() == [0.1, 0.2, 0.3, 0.4]
    assert scorer.predicted == [PAIRS]
    assert scorer.calls == []


def test_any_other_scorer_is_called_once_per_query() -> None:
    scorer = OverlapScorer()
    assert score_pairs(scorer, PAIRS).tolist() == [1.0, 0.0, 1.0, 1.0]
    assert scorer.calls == [("cat", ("a cat", "a dog", "cat and dog")), ("dog", ("a dog",))]


def test_no_pairs_never_reach_the_scorer() -> None:
    scorer = TakesPairs([])
    assert score_pairs(scorer, []).tolist() == []
    assert scorer.predicted == []


@pytest.mark.parametrize("scores", [[0.5], [0.1, 0.2, float("nan"), 0.4]], ids=["too few", "NaN"])
def test_scores_that_would_go_astray_are_refused(scores: list[float]) -> None:
    with pytest.raises(ScoringError):
        score_pairs(TakesPairs(scores), PAIRS)
