"""What a threshold keeps, by hand and as `rank` keeps it."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judgements import platt

from secondpass import Calibrated, rank
from secondpass.errors import InputError, InputTypeError
from secondpass.evaluation import Abstention, Collection, Kept, ScoredQuery, measure_abstention, rerank, score_run
from secondpass.testing import OverlapScorer

DOCUMENTS = {"a": "red", "b": "red cat", "c": "blue", "d": "blue dog", "e": "green"}
COLLECTION = Collection(
    queries={"q1": "red cat", "q2": "blue dog", "q3": "green fish", "q4": "not found", "q5": "irrelevant only"},
    documents=DOCUMENTS,
    qrels={"q1": {"b": 2, "a": 1}, "q2": {"d": 1}, "q3": {"e": 1}, "q4": {"e": 1}, "q5": {"a": 0}},
)
RUN = {
    "q1": {"a": 3.0, "e": 2.0, "b": 1.0},  # 0.5, 0, 1
    "q2": {"c": 3.0, "e": 2.0, "d": 1.0},  # 0.5, 0, and beyond the depth of 2
    "q3": {"a": 2.0, "d": 1.0},  # 0, 0
    "q5": {"a": 1.0, "b": 1.0},
    "u1": {"a": 2.0, "d": 1.0},  # "red dog": 0.5, 0.5
    "u2": {"e": 2.0, "c": 1.0},  # "no word": 0, 0
}
UNANSWERABLE = {"u1": "red dog", "u2": "no word", "u3": "nothing retrieved"}


def measure(score_threshold: float, depth: int = 3) -> Abstention:
    scorer = OverlapScorer()
    unanswerable = score_run(scorer, UNANSWERABLE, DOCUMENTS, RUN, depth=depth)
    scored = rerank(scorer, COLLECTION, RUN, depth=depth)
    return measure_abstention(COLLECTION, scored, score_threshold, unanswerable=unanswerable)


def test_what_is_kept_by_hand() -> None:
    """Answerable are q1 to q4: q4 was not found, and q5 has nothing but an irrelevant document."""
    assert measure(0.5) == Abstention(0.5, Kept(4, 2, 1, 4), Kept(3, 2, 1, 2))
    assert measure(0.6) == Abstention(0.6, Kept(4, 2, 1, 2), Kept(3, 3, 1, 0))
    assert measure(0.6, depth=2) == Abstention(0.6, Kept(4, 4, 1, 0), Kept(3, 3, 1, 0))
    assert measure(0.0) == Abstention(0.0, Kept(4, 1, 1, 8), Kept(3, 1, 1, 4))
    unanswerable = measure(0.5).unanswerable
    assert unanswerable is not None
    assert (unanswerable.empty_share, unanswerable.kept_per_query) == (2 / 3, 2 / 3)
    assert (Kept(0, 0, 0, 0).empty_share, Kept(0, 0, 0, 0).kept_per_query) == (None, None)


@given(
    scores=st.lists(st.lists(st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0]), max_size=4), min_size=1, max_size=4),
    threshold=st.sampled_from([0.2, 0.2689414213699951, 0.3, 0.5]),
)
def test_it_is_what_rank_keeps_of_probabilities(scores: list[list[float]], threshold: float) -> None:
    class Given:
        def score(self, query: str, documents: Sequence[str]) -> list[float]:  # noqa: ARG002 - a Scorer
            return scores[int(query)]

    calibration = platt(1.0, -1.0)
    scored = [ScoredQuery(str(i), tuple("abcd"[: len(s)]), tuple(s), 0.0) for i, s in enumerate(scores)]
    counted = measure_abstention(COLLECTION, [], threshold, unanswerable=scored, score_map=calibration).unanswerable
    kept = [
        len(rank(Calibrated(Given(), calibration), str(i), list("abcd"[: len(s)]), score_threshold=threshold))
        for i, s in enumerate(scores)
    ]
    assert counted == Kept(len(scores), kept.count(0), scores.count([]), sum(kept))


def test_what_is_refused() -> None:
    scored = rerank(OverlapScorer(), COLLECTION, RUN)
    with pytest.raises(InputError, match="unanswerable queries must have no relevant document, 'q1' has one"):
        measure_abstention(COLLECTION, scored, 0.5, unanswerable=scored)
    with pytest.raises(InputError, match="score_threshold must be a number, got NaN"):
        measure_abstention(COLLECTION, scored, float("nan"))
    with pytest.raises(InputTypeError, match="score_threshold must be a number or None, got str"):
        measure_abstention(COLLECTION, scored, "0.5")  # type: ignore[arg-type]  # what callers without types do
