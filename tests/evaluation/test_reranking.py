"""Re-ranking a run: order, resuming, measures, reports, pictures."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

import ir_measures
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondpass.errors import InputError, ScoringError
from secondpass.evaluation import BM25, Collection, compare, per_query, read_run, report, rerank, write_plots, write_run
from secondpass.testing import OverlapScorer

COLLECTION = Collection(
    queries={"q1": "red cat", "q2": "blue dog", "q3": "never judged"},
    documents={"a": "red", "b": "red cat", "c": "blue", "d": "blue dog", "e": "green"},
    qrels={"q1": {"b": 2, "a": 1}, "q2": {"d": 1}, "q9": {"a": 1}},
)
RUN = {
    "q1": {"a": 5.0, "e": 4.0, "b": 3.0, "c": 2.0},
    "q2": {"c": 3.0, "e": 2.0, "d": 1.0},
    "q3": {"a": 1.0},
}


def test_the_head_is_reordered_and_the_tail_keeps_its_place() -> None:
    """By hand: "red cat" scores a 0.5, e 0, b 1, c 0."""
    scored = rerank(OverlapScorer(), COLLECTION, RUN, depth=3)
    assert [one.query_id for one in scored] == ["q1", "q2"]
    assert scored[0].reranked(3) == ["b", "a", "e", "c"]
    assert scored[0].reranked(2) == ["a", "e", "b", "c"]


def test_an_interrupted_run_continues_from_what_it_wrote(tmp_path: Path) -> None:
    class Stops(OverlapScorer):
        def score(self, query: str, documents: Sequence[str]) -> list[float]:
            if self.calls:
                raise KeyboardInterrupt
            return super().score(query, documents)

    kept = tmp_path / "progress.jsonl"
    with pytest.raises(KeyboardInterrupt):
        rerank(Stops(), COLLECTION, RUN, progress_file=kept, name="m")
    with kept.open("a") as file:
        file.write('{"query_id": "q2", "docu')  # what a kill leaves
    scorer, told = OverlapScorer(), []
    scored = rerank(
        scorer, COLLECTION, RUN, progress_file=kept, name="m", progress=lambda done, total: told.append((done, total))
    )
    assert [query for query, _ in scorer.calls] == ["blue dog"]
    assert told == [(1, 2), (2, 2)]
    fresh = rerank(OverlapScorer(), COLLECTION, RUN)
    assert [(one.query_id, one.document_ids, one.scores) for one in scored] == [
        (one.query_id, one.document_ids, one.scores) for one in fresh
    ]
    again = OverlapScorer()
    rerank(again, COLLECTION, RUN, progress_file=kept, name="m")
    assert again.calls == []
    with pytest.raises(InputError, match="holds another job's progress"):
        rerank(OverlapScorer(), COLLECTION, RUN, progress_file=kept, name="another model")


def test_a_kill_before_the_first_query_starts_over(tmp_path: Path) -> None:
    kept = tmp_path / "progress.jsonl"
    kept.write_text('{"jo')
    rerank(OverlapScorer(), COLLECTION, RUN, progress_file=kept)
    assert len(kept.read_text().splitlines()) == 3


@given(scores=st.lists(st.sampled_from([0.0, 0.5, 1.0, -2.0]), min_size=4, max_size=4), depth=st.integers(1, 4))
def test_a_written_run_is_read_in_the_order_that_was_measured(
    scores: list[float], depth: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    class Fixed:
        def score(self, query: str, documents: Sequence[str]) -> list[float]:
            del query
            return scores[: len(documents)]

    one = rerank(Fixed(), COLLECTION, {"q1": RUN["q1"]}, depth=depth)
    path = tmp_path_factory.mktemp("runs") / "run.trec"
    write_run(path, one, depth=depth, tag="a tag")
    read = read_run(path)["q1"]
    assert sorted(read, key=lambda key: -read[key]) == one[0].reranked(depth)
    assert len(set(read.values())) == 4


def test_nan_unknown_documents_and_empty_runs_are_errors() -> None:
    class Broken:
        def score(self, query: str, documents: Sequence[str]) -> list[float]:
            del query
            return [float("nan")] * len(documents)

    with pytest.raises(ScoringError, match="'q1'"):
        rerank(Broken(), COLLECTION, RUN)
    with pytest.raises(InputError, match="every document of the run, 'zz' is not in it"):
        rerank(OverlapScorer(), COLLECTION, {"q1": {"zz": 1.0}})
    with pytest.raises(InputError, match="one of the judged queries"):
        rerank(OverlapScorer(), COLLECTION, {"q3": {"a": 1.0}})
    with pytest.raises(InputError, match="depth must be at least 1, got 0"):
        rerank(OverlapScorer(), COLLECTION, RUN, depth=0)


IDS = st.sampled_from("abcdefgh")
RUNS = st.dictionaries(IDS, st.dictionaries(IDS, st.integers(0, 5).map(float), max_size=8), max_size=4)
QRELS = st.dictionaries(IDS, st.dictionaries(IDS, st.integers(0, 3), min_size=1), min_size=1, max_size=4)


@given(qrels=QRELS, run=RUNS)
@settings(deadline=None, max_examples=40)
def test_means_equal_ir_measures_and_every_judged_query_counts(
    qrels: dict[str, dict[str, int]], run: dict[str, dict[str, float]]
) -> None:
    names = ["nDCG@10", "RR@10", "AP", "R@100", "P@3"]
    found = per_query(names, qrels, run)
    expected = ir_measures.calc_aggregate([ir_measures.parse_measure(name) for name in names], qrels, run)
    for measure, value in expected.items():
        values = found[str(measure)]
        assert values.keys() == qrels.keys()
        assert sum(values.values()) / len(values) == pytest.approx(value, abs=1e-9)


def test_an_unknown_measure_is_named() -> None:
    with pytest.raises(InputError, match="such as nDCG@10, got 'nDCG@ten'"):
        per_query(["nDCG@ten"], {"q": {"a": 1}}, {})


def test_a_comparison_counts_and_tests() -> None:
    """By hand: t = 0.15 / (0.1291 / 2) = 2.3238; Student's distribution with 3 degrees of freedom in closed form."""
    t = 0.15 / math.sqrt(0.05 / 3 / 4)
    tail = 0.5 - (t / math.sqrt(3) / (1 + t * t / 3) + math.atan(t / math.sqrt(3))) / math.pi
    before = dict.fromkeys("abcd", 0.5)
    found = compare(before, {"a": 0.6, "b": 0.7, "c": 0.8, "d": 0.5})
    assert (found.helped, found.hurt, found.n_queries) == (3, 0, 4)
    assert found.difference == pytest.approx(0.15)
    assert found.p_value == pytest.approx(2 * tail, abs=1e-9)
    assert compare(before, before).p_value == 1.0
    assert compare({"a": 0.1}, {"a": 0.2}).p_value is None
    assert compare({"a": 0.0, "b": 0.0}, {"a": 0.5, "b": 0.5}).p_value == 0.0
    with pytest.raises(InputError, match="the same queries, 1 differ"):
        compare(before, {"a": 1.0, "b": 1.0, "c": 1.0})
    with pytest.raises(InputError, match="at least one query"):
        compare({}, {})


def test_a_report_says_what_changed_and_draws_it(tmp_path: Path) -> None:
    scored = rerank(OverlapScorer(), COLLECTION, RUN)
    found = report("org/a", COLLECTION, RUN, scored, measures=["RR@10", "R@100"], depth=100)
    one = found.comparisons["RR@10"]
    assert one.before == pytest.approx((1 + 1 / 3) / 2)
    assert one.after == 1.0
    assert (one.helped, one.hurt) == (1, 0)
    assert found.comparisons["R@100"].difference == 0.0
    assert [point.depth for point in found.depths] == [10, 20, 50, 100]
    assert found.n_documents == 7
    assert json.loads(json.dumps(found.as_json()))["measures"]["RR@10"]["after"] == 1.0
    files = write_plots(tmp_path, [found, report("b", COLLECTION, RUN, scored, measures=["RR@10"], depth=100)])
    assert [path.name for path in files] == ["org--a.png", "b.png", "comparison.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in files)


def test_bm25_finds_words_and_leaves_out_what_has_none() -> None:
    bm25 = BM25(COLLECTION.documents)
    assert list(bm25.search("cats", 5)) == ["b"]
    assert list(bm25.search("red", 5)) == ["a", "b"]  # the shorter first
    assert bm25.search("unheard") == {}
    assert bm25.search("the of") == {}
    assert list(bm25.run(COLLECTION.queries)) == ["q1", "q2", "q3"]
    with pytest.raises(InputError, match="depth must be at least 1, got 0"):
        bm25.search("red", 0)
    with pytest.raises(InputError, match="at least one document"):
        BM25({})
