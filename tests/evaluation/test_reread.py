"""What is truncated is counted, and windows read again only that."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest

from secondpass import CrossEncoder
from secondpass.errors import InputError
from secondpass.evaluation import (
    Collection,
    RerankingSample,
    ScoredQuery,
    evaluate_samples,
    report,
    rerank,
    reread,
)
from secondpass.evaluation.reranking import as_run
from secondpass.ranking import Pair, Readings
from secondpass.testing import OverlapScorer

FILLER = "the tide comes in twice a day, and the moon pulls at the sea. "
COLLECTION = Collection(
    queries={"1": "capital of Germany", "2": "what bread needs"},
    documents={
        "long": FILLER * 30 + "Berlin is the capital of Germany.",
        "tides": FILLER * 25,
        "paris": "Paris is the capital of France.",
        "bread": "Bread needs flour and water.",
    },
    qrels={"1": {"long": 1}, "2": {"bread": 1}},
)
RUN = {"1": {"paris": 3.0, "long": 2.0, "tides": 1.0}, "2": {"bread": 2.0, "paris": 1.0}}


class Counting:
    """A cross-encoder that remembers what it read."""

    def __init__(self, model: CrossEncoder) -> None:
        self.model = model
        self.pairs: list[Pair] = []

    def score(self, query: str, documents: Sequence[str]) -> list[float]:
        raise AssertionError(query, documents)

    def read(self, pairs: Iterable[Pair]) -> Readings:
        asked = list(pairs)
        self.pairs += asked
        return self.model.read(asked)


@pytest.fixture(scope="module")
def windows(model: str) -> CrossEncoder:
    return CrossEncoder(model, long_documents="windows")


@pytest.fixture(scope="module")
def truncated(model: str) -> list[ScoredQuery]:
    return rerank(CrossEncoder(model), COLLECTION, RUN)


def test_what_was_truncated_is_known_and_counted(truncated: list[ScoredQuery]) -> None:
    assert [query.truncated for query in truncated] == [(False, True, True), (False, False)]
    outcome = report("m", COLLECTION, RUN, truncated, measures=["RR@10"], depth=10)
    assert (outcome.n_truncated, outcome.n_documents) == (2, 5)
    row = outcome.as_json()
    assert (row["n_truncated"], row["n_documents"]) == (2, 5)
    unknown = rerank(OverlapScorer(), COLLECTION, RUN)
    assert report("m", COLLECTION, RUN, unknown, measures=["RR@10"], depth=10).n_truncated is None


def test_windows_read_only_what_was_truncated_and_all_scores_are_theirs(
    truncated: list[ScoredQuery], windows: CrossEncoder
) -> None:
    scorer = Counting(windows)
    again = reread(scorer, COLLECTION, truncated)
    assert scorer.pairs == [("capital of Germany", COLLECTION.documents[key]) for key in ("long", "tides")]
    whole = rerank(windows, COLLECTION, RUN)
    for one, other in zip(again, whole, strict=True):
        np.testing.assert_allclose(one.scores, other.scores, rtol=0, atol=1e-5)
        assert (one.query_id, one.document_ids, one.truncated) == (other.query_id, other.document_ids, other.truncated)
    # What fits is not touched, to the last bit.
    assert again[1] == truncated[1]
    assert again[0].scores[0] == truncated[0].scores[0]
    against = report("m", COLLECTION, as_run(truncated, depth=9), again, measures=["RR@10"], depth=9)
    assert against.comparisons["RR@10"].n_queries == 2
    assert against.comparisons["RR@10"].after >= against.comparisons["RR@10"].before


def test_its_time_is_that_of_the_windows_and_of_what_fits() -> None:
    class Slow:
        def score(self, query: str, documents: Sequence[str]) -> list[float]:
            raise AssertionError(query, documents)

        def read(self, pairs: Iterable[Pair]) -> Readings:
            n_pairs = len(list(pairs))
            return Readings(np.ones(n_pairs, np.float32), np.zeros(n_pairs, np.bool_), [None] * n_pairs)

    scored = [ScoredQuery("1", ("paris", "long"), (0.5, 0.25), 8.0, (False, True))]
    (again,) = reread(Slow(), COLLECTION, scored)
    assert (again.scores, again.truncated) == ((0.5, 1.0), (False, False))
    assert 4.0 <= again.seconds < 8.0


def test_scores_without_a_word_of_what_was_read_cannot_be_read_again() -> None:
    with pytest.raises(InputError, match="scored must say what was truncated, which it does not for the query '1'"):
        reread(OverlapScorer(), COLLECTION, rerank(OverlapScorer(), COLLECTION, RUN))


def test_progress_keeps_what_was_truncated(model: str, tmp_path: Path, truncated: list[ScoredQuery]) -> None:
    path = tmp_path / "progress.jsonl"
    scorer = Counting(CrossEncoder(model))
    for _ in range(2):
        scored = rerank(scorer, COLLECTION, RUN, progress_file=path)
        assert [query.truncated for query in scored] == [query.truncated for query in truncated]
    assert len(scorer.pairs) == 5


def test_sets_count_too(model: str) -> None:
    samples = [
        RerankingSample("capital of Germany", (COLLECTION.documents["long"],), ("Paris", "Rome")),
        RerankingSample("nothing", (), (COLLECTION.documents["tides"],)),
    ]
    result = evaluate_samples(CrossEncoder(model), samples)
    assert (result.n_truncated, result.n_documents) == (1, 3)
    assert evaluate_samples(OverlapScorer(), samples).n_truncated is None


def test_what_orders_equal_scores_is_read_again_too() -> None:
    class Calibrated:
        def score(self, query: str, documents: Sequence[str]) -> list[float]:
            raise AssertionError(query, documents)

        def read(self, pairs: Iterable[Pair]) -> Readings:
            n = len(list(pairs))
            return Readings(np.full(n, 0.9), np.zeros(n, np.bool_), [None] * n, raw_scores=np.full(n, 5.0))

    collection = Collection({"1": "capital"}, {"short": "Paris", "long": "Berlin " * 9}, {"1": {"long": 1}})
    scored = [ScoredQuery("1", ("short", "long"), (0.9, 0.1), 1.0, (False, True), (2.0, -3.0))]
    (again,) = reread(Calibrated(), collection, scored)
    assert (again.scores, again.raw_scores) == ((0.9, 0.9), (2.0, 5.0))
    assert again.reranked(2) == ["long", "short"]


def test_where_windows_do_not_say_what_was_truncated_nobody_does() -> None:
    class Silent:
        def score(self, query: str, documents: Sequence[str]) -> list[float]:
            del query
            return [1.0] * len(documents)

    collection = Collection({"1": "capital"}, {"short": "Paris", "long": "Berlin " * 9}, {"1": {"long": 1}})
    scored = [ScoredQuery("1", ("short", "long"), (0.9, 0.1), 1.0, (False, True))]
    (again,) = reread(Silent(), collection, scored)
    assert (again.scores, again.truncated) == ((0.9, 1.0), None)
