"""The figures of re-ranking sets equal sentence-transformers' evaluator, tie for tie."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judgements import steps
from numpy.typing import NDArray
from sentence_transformers.cross_encoder.evaluation import CrossEncoderRerankingEvaluator

from secondpass import Calibrated
from secondpass.errors import InputError, ScoringError
from secondpass.evaluation import RerankingSample, evaluate_samples, read_samples, set_metrics
from secondpass.testing import OverlapScorer

JUDGED = st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=2, max_size=30)


def reference(k: int) -> Any:
    return CrossEncoderRerankingEvaluator([], at_k=k)


@given(judged=JUDGED, k=st.integers(1, 12))
@settings(deadline=None)
def test_one_query_equals_the_reference_with_ties_everywhere(judged: list[tuple[bool, int]], k: int) -> None:
    relevant = [label for label, _ in judged]
    scores = np.array([score for _, score in judged], dtype=np.float32)
    metrics = set_metrics(relevant, scores, k)
    if not any(relevant):
        assert (metrics.mrr, metrics.ndcg, metrics.map) == (0, 0, 0)
        return
    mrr, ndcg, average_precision = reference(k).compute_metrics([int(label) for label in relevant], scores)
    assert (metrics.mrr, metrics.ndcg, metrics.map) == pytest.approx((mrr, ndcg, average_precision), abs=1e-12)


class Predicts:
    """sentence-transformers' side of a Scorer."""

    model_card_data = None

    def predict(self, pairs: Sequence[Sequence[str]], **_: object) -> NDArray[np.float32]:
        return np.array([OverlapScorer().score(query, [text])[0] for query, text in pairs], dtype=np.float32)


WORDS = st.lists(st.sampled_from("abcde"), min_size=1, max_size=4).map(" ".join)
TEXTS = st.lists(WORDS, min_size=2, max_size=6, unique=True)


@given(samples=st.lists(st.tuples(WORDS, TEXTS, TEXTS, st.booleans()), min_size=1, max_size=5))
@settings(deadline=None, max_examples=60)
def test_whole_sets_equal_the_reference(samples: list[tuple[str, list[str], list[str], bool]]) -> None:
    ordered = samples[0][3]  # the reference reads one kind per set
    key = "documents" if ordered else "negative"
    theirs = CrossEncoderRerankingEvaluator([{"query": q, "positive": p, key: o} for q, p, o, _ in samples], at_k=10)
    theirs.store_metrics_in_model_card_data = lambda *_, **__: None  # type: ignore[method-assign] # no card here
    expected = theirs(cast("Any", Predicts()))
    result = evaluate_samples(
        OverlapScorer(), [RerankingSample(q, tuple(p), tuple(o), ordered) for q, p, o, _ in samples]
    )
    figures = {"map": result.reranked.map, "mrr@10": result.reranked.mrr, "ndcg@10": result.reranked.ndcg}
    if result.base is not None:
        figures |= {"base_map": result.base.map, "base_mrr@10": result.base.mrr, "base_ndcg@10": result.base.ndcg}
    assert figures == pytest.approx(expected, abs=1e-7)


@given(samples=st.lists(st.tuples(WORDS, TEXTS, TEXTS), min_size=1, max_size=5))
@settings(deadline=None, max_examples=60)
def test_a_map_that_makes_all_scores_equal_changes_no_figure(samples: list[tuple[str, list[str], list[str]]]) -> None:
    given = [RerankingSample(query, tuple(texts), tuple(others), ordered=False) for query, texts, others in samples]
    level = evaluate_samples(Calibrated(OverlapScorer(), steps(logit=100)), given)
    assert level.reranked == evaluate_samples(OverlapScorer(), given).reranked


def test_what_crashes_the_reference_counts_here() -> None:
    """An empty list and a single document: by hand, nothing to find and nothing to get wrong."""
    empty = RerankingSample("a", (), (), ordered=True)
    single = RerankingSample("a", ("a",), ())
    result = evaluate_samples(OverlapScorer(), [empty, single])
    assert (result.n_queries, result.n_scored) == (2, 1)
    assert (result.reranked.map, result.reranked.mrr, result.reranked.ndcg) == (0.5, 0.5, 0.5)
    assert result.base is not None
    assert result.base.map == 0.0


def test_an_empty_set_is_zero() -> None:
    assert evaluate_samples(OverlapScorer(), []).n_queries == 0


def test_infinite_scores_tie_like_finite_ones() -> None:
    relevant = [False, True, True, False]
    tied = np.array([1.0, 1.0, -1.0, -1.0], dtype=np.float32)
    assert set_metrics(relevant, tied * np.inf) == set_metrics(relevant, tied)


@pytest.mark.parametrize(("scores", "message"), [([float("nan"), 1.0], "got NaN"), ([1.0], "got shape")])
def test_anything_but_one_score_per_document_is_an_error(scores: list[float], message: str) -> None:
    class Fixed:
        def score(self, query: str, documents: Sequence[str]) -> list[float]:
            del query, documents
            return scores

    with pytest.raises(ScoringError, match=f"query '1': .*{message}"):
        evaluate_samples(Fixed(), [RerankingSample("q", ("a",), ("b",))])


def test_a_file_without_samples_measures_nothing_and_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "set.jsonl").write_text("\n\n")
    with pytest.raises(InputError, match=r"set.jsonl: a re-ranking set must hold at least one sample, got none"):
        read_samples(tmp_path / "set.jsonl")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"positive": [], "negative": []}', "query must be a string, got None"),
        ('{"query": "q", "positive": []}', "exactly one of negative and documents"),
        ('{"query": "q", "positive": 3, "negative": []}', "positive must be a string or a list of strings, got 3"),
        ("[1]", "must be a JSON object"),
        ("{", "must be JSON"),
    ],
)
def test_a_bad_line_is_named(line: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text('{"query": "q", "positive": "p", "negative": []}\n\n' + line + "\n")
    with pytest.raises(InputError, match=f"set.jsonl:3: .*{message}"):
        read_samples(path)
