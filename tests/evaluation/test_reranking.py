"""Re-ranking a run: order, resuming, measures, reports, pictures."""

import json
import math
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import ir_measures
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judgements import steps

from secondpass import Calibrated, Cascade, CrossEncoder, Scorer
from secondpass.errors import InputError, ScoringError
from secondpass.evaluation import (
    BM25,
    Collection,
    RerankingSample,
    ScoredQuery,
    compare,
    evaluate_samples,
    per_query,
    read_run,
    report,
    rerank,
    write_plots,
    write_run,
)
from secondpass.evaluation.file_names import file_names
from secondpass.evaluation.measures import check_measures
from secondpass.ir_files.runs import trec_order
from secondpass.testing import OverlapScorer

with pytest.warns(UserWarning, match=r"judged queries without text are not measured: 1 of 3, such as 'q9'"):
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
    assert [query.query_id for query in scored] == ["q1", "q2"]
    assert scored[0].reranked(3) == ["b", "a", "e", "c"]
    assert scored[0].reranked(2) == ["a", "e", "b", "c"]


class Named(OverlapScorer):
    def fingerprint(self) -> str:
        return "overlap"


CALIBRATED = Calibrated(Named(), steps(logit=-1.0, fingerprint="overlap"))  # 0.9 for everything


@pytest.mark.parametrize("scorer", [CALIBRATED, Cascade([OverlapScorer(), CALIBRATED], keep=9)])
def test_equal_probabilities_are_measured_in_the_order_that_rank_gives_them(scorer: Scorer, tmp_path: Path) -> None:
    """By hand, as above: the overlaps are 0.5, 0, 1 and 0."""
    for _ in range(2):
        scored = rerank(scorer, COLLECTION, RUN, progress_file=tmp_path / "progress.jsonl")
        assert scored[0].scores == pytest.approx([0.9] * 4)
        assert scored[0].reranked(4) == ["b", "a", "e", "c"]
        assert scored[0].reranked(2) == ["a", "e", "b", "c"]
    sample = RerankingSample("red cat", ("red cat",), ("red", "blue"), ordered=True)
    assert evaluate_samples(scorer, [sample]).reranked == evaluate_samples(OverlapScorer(), [sample]).reranked


def test_a_calibrated_models_readings_are_ordered_by_its_logits() -> None:
    logits = CrossEncoder("secondpass/mini", activation="identity")
    model = CrossEncoder("secondpass/mini", calibration=steps(logit=100.0, fingerprint=logits.fingerprint()))
    for scored, expected in zip(rerank(model, COLLECTION, RUN), rerank(logits, COLLECTION, RUN), strict=True):
        assert scored.scores == pytest.approx([0.1] * len(scored.scores))
        assert scored.reranked(9) == expected.reranked(9)
        assert scored.raw_scores == expected.scores


def test_progress_that_does_not_say_what_orders_equal_probabilities_is_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    expected = rerank(CALIBRATED, COLLECTION, RUN, progress_file=path)
    path.write_text(re.sub(r', "raw_scores": \[.*?\]', "", path.read_text()))
    again = rerank(CALIBRATED, COLLECTION, RUN, progress_file=path)
    assert [query.reranked(9) for query in again] == [query.reranked(9) for query in expected]


def test_judged_queries_that_a_run_does_not_rank_are_counted() -> None:
    run = {query: ranked for query, ranked in RUN.items() if query != "q2"}
    scored = rerank(OverlapScorer(), COLLECTION, run)
    with pytest.warns(UserWarning, match=r"that the run does not rank count as 0: 1 of 2, such as 'q2'$"):
        measured = report("m", COLLECTION, run, scored, measures=["RR@10"], depth=10)
    # The first of the two is answered in the first place.
    assert measured.comparisons["RR@10"].after == 1 / 2


SCORES = st.lists(
    st.sampled_from([0.0, 0.5, 1.0, -2.0, 0.5 + 1e-12, 1e300, float("inf"), float("-inf")]), min_size=4, max_size=4
)


@given(scores=SCORES, depth=st.integers(1, 4))
def test_a_written_run_is_read_in_the_order_that_was_measured(
    scores: list[float], depth: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    class Fixed:
        def score(self, query: str, documents: Sequence[str]) -> list[float]:
            del query
            return scores[: len(documents)]

    scored = rerank(Fixed(), COLLECTION, {"q1": RUN["q1"]}, depth=depth)
    path = tmp_path_factory.mktemp("runs") / "run.trec"
    write_run(path, scored, depth=depth, tag="a tag")
    read = read_run(path)["q1"]
    assert trec_order(read) == scored[0].reranked(depth)
    measured = per_query(["AP"], {"q1": dict.fromkeys(scored[0].reranked(depth)[:2], 1)}, {"q1": read})
    assert measured["AP"]["q1"] == 1.0  # trec_eval sees the same first two


def test_ids_that_a_run_cannot_hold_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    scored = [ScoredQuery("q 1", ("a",), (1.0,), 0.0)]
    with pytest.raises(InputError, match="ids must have no white space to be written as a TREC run, got 'q 1'"):
        write_run(tmp_path / "run.trec", scored, depth=1, tag="m")
    assert not (tmp_path / "run.trec").exists()


def test_a_query_without_candidates_is_not_scored_and_counts_as_0() -> None:
    scorer = OverlapScorer()
    scored = rerank(scorer, COLLECTION, {"q1": {"b": 1.0}, "q2": {}})
    assert [query for query, _ in scorer.calls] == ["red cat"]
    with pytest.warns(UserWarning, match=r"that the run does not rank count as 0: 1 of 2, such as 'q2'$"):
        outcome = report("m", COLLECTION, {"q1": {"b": 1.0}, "q2": {}}, scored, measures=["RR@10"], depth=10)
    assert (outcome.comparisons["RR@10"].before, outcome.comparisons["RR@10"].after) == (0.5, 0.5)


def test_nan_unknown_documents_and_empty_runs_are_errors() -> None:
    class Broken:
        def score(self, query: str, documents: Sequence[str]) -> list[float]:
            del query
            return [float("nan")] * len(documents)

    with pytest.raises(ScoringError, match="query 'q1': scores must be numbers, got NaN for document 0"):
        rerank(Broken(), COLLECTION, RUN)
    with pytest.raises(InputError, match="every document of the run, 'zz' is not in it"):
        rerank(OverlapScorer(), COLLECTION, {"q1": {"zz": 1.0}})
    with pytest.raises(InputError, match="one of the judged queries"):
        rerank(OverlapScorer(), COLLECTION, {"q3": {"a": 1.0}})
    with pytest.raises(InputError, match="depth must be at least 1, got 0"):
        rerank(OverlapScorer(), COLLECTION, RUN, depth=0)


def test_ids_that_are_not_text_are_refused_and_names_that_are_not_are_written_as_far_as_they_are(
    tmp_path: Path,
) -> None:
    """A name comes from a folder, whose bytes may be no text; the scores it stands for took hours."""
    path = tmp_path / "run.trec"
    for query, document in (("\udce9", "a"), ("q", "\ud83d")):
        with pytest.raises(InputError, match=r"the id .* must be Unicode text, has the lone surrogate"):
            write_run(path, [ScoredQuery(query, (document,), (1.0,), 0.0)], depth=1, tag="m")
        assert not path.exists()
    write_run(path, [ScoredQuery("q", ("a",), (1.0,), 0.0)], depth=1, tag="caf\udce9")
    assert path.read_text() == "q Q0 a 1 1.0 caf?\n"


def test_a_grade_that_trec_eval_would_misread_is_named() -> None:
    """It takes 2 ** 31 for not relevant, and makes room for 10 ** 8 grades below 10 ** 8."""
    with pytest.raises(InputError, match=r"query 'q', document 'a': a grade must be an integer .*, got 2147483648"):
        per_query(["nDCG@10"], {"q": {"a": 2**31}}, {"q": {"a": 1.0}})


NEEDS_PERL = pytest.mark.skipif(shutil.which("perl") is None, reason="needs perl")


def err(grades: list[int]) -> float:
    """Expected reciprocal rank (Chapelle et al., 2009, algorithm 1), for grades from 0 to 4."""
    value, go_on = 0.0, 1.0
    for rank, grade in enumerate(grades, 1):
        satisfied = (2**grade - 1) / 2**4
        value += go_on * satisfied / rank
        go_on *= 1 - satisfied
    return value


def ndcg(grades: list[int], judged: list[int]) -> float:
    """With exponential gains."""

    def dcg(values: list[int]) -> float:
        return float(sum((2**grade - 1) / math.log2(rank + 1) for rank, grade in enumerate(values, 1)))

    return dcg(grades) / dcg(sorted(judged, reverse=True))


@NEEDS_PERL
@pytest.mark.parametrize("queries", [("t-1", "u-1", "1"), ("what is ERR", "-", "q\t7"), ("001", "1", "1.0")])
def test_measures_do_not_depend_on_how_ids_are_written(queries: tuple[str, ...]) -> None:
    """gdeval.pl, which ir_measures asks for these two, reads only the digits behind the last hyphen of a query's id."""
    grades = ([1, 3, 0], [0, 4, 2], [2, 0, 1])
    documents = ("a b", "d-1", "Ä")
    qrels = {
        query: dict(zip(documents, of_query, strict=True)) for query, of_query in zip(queries, grades, strict=True)
    }
    run = {query: {document: -float(rank) for rank, document in enumerate(documents)} for query in queries}
    by_measure = per_query(["ERR@3", 'nDCG(dcg="exp-log2")@3', "RR@3"], qrels, run | {"5": {"a b": 1.0}})
    assert by_measure == {
        "ERR@3": {query: pytest.approx(err(values), abs=1e-5) for query, values in zip(queries, grades, strict=True)},
        'nDCG(dcg="exp-log2")@3': {
            query: pytest.approx(ndcg(values, values), abs=1e-5) for query, values in zip(queries, grades, strict=True)
        },
        "RR@3": {queries[0]: 1.0, queries[1]: 0.5, queries[2]: 1.0},
    }


@NEEDS_PERL
def test_a_grade_beyond_those_of_a_measure_is_named_before_it_is_asked() -> None:
    """ERR makes a probability of a grade by the highest there is; gdeval.pl has 0 to 4."""
    message = r"query 'q', document 'a': a grade must be at most 4 for ERR@5, got 5"
    with pytest.raises(InputError, match=message):
        per_query(["AP", "ERR@5"], {"q": {"a": 5}}, {"q": {"a": 1.0}})
    assert per_query(["AP"], {"q": {"a": 5}}, {"q": {"a": 1.0}}) == {"AP": {"q": 1.0}}


IDS = st.sampled_from("abcdefgh")
RUNS = st.dictionaries(IDS, st.dictionaries(IDS, st.integers(0, 5).map(float), max_size=8), max_size=4)
QRELS = st.dictionaries(IDS, st.dictionaries(IDS, st.integers(-1, 3), min_size=1), min_size=1, max_size=4)


@given(qrels=QRELS, run=RUNS)
@settings(deadline=None, max_examples=40)
def test_means_equal_ir_measures_and_every_judged_query_counts(
    qrels: dict[str, dict[str, int]], run: dict[str, dict[str, float]]
) -> None:
    names = ["nDCG@10", "RR@10", "AP", "R@100", "P@3"]
    by_measure = per_query(names, qrels, run)
    expected = ir_measures.calc_aggregate([ir_measures.parse_measure(name) for name in names], qrels, run)
    for measure, value in expected.items():
        values = by_measure[str(measure)]
        assert values.keys() == qrels.keys()
        assert sum(values.values()) / len(values) == pytest.approx(value, abs=1e-9)


def test_a_query_without_candidates_is_0_by_every_measure() -> None:
    by_measure = per_query(["Judged@2", "R@2"], {"1": {"a": 1}, "2": {"b": 1}}, {"1": {"a": 1.0, "z": 0.5}, "2": {}})
    assert by_measure == {"Judged@2": {"1": 0.5, "2": 0.0}, "R@2": {"1": 1.0, "2": 0.0}}


def test_time_per_query_counts_those_that_have_candidates() -> None:
    scored = [ScoredQuery("q1", ("a", "b"), (0.5, 0.25), 0.25), ScoredQuery("q2", (), (), 0.0)]
    with pytest.warns(UserWarning, match=r"that the run does not rank count as 0: 1 of 2, such as 'q2'$"):
        outcome = report("m", COLLECTION, RUN | {"q2": {}}, scored, measures=["RR@10"], depth=10)
    assert outcome.ms_per_query == outcome.depths[-1].ms_per_query == 250.0
    assert outcome.candidates == outcome.depths[-1].candidates == 2


@given(grades=st.dictionaries(IDS, st.integers(-5, -1), min_size=1))
@settings(deadline=None, max_examples=100)
def test_grades_below_zero_are_not_relevant_and_end_no_process(grades: dict[str, int]) -> None:
    """pytrec_eval itself crashes on some of these, so what is expected comes from its reading of -1."""
    run = {"q": {document: float(position) for position, document in enumerate("abcdefgh")}}
    names = ["nDCG@10", "RR@10", "AP", "Bpref", "infAP", "Judged@10"]
    assert per_query(names, {"q": grades}, run) == per_query(names, {"q": dict.fromkeys(grades, -1)}, run)


@given(run=st.dictionaries(IDS, st.integers(0, 3).map(lambda tied: 1.0 + tied * 1e-12), min_size=1, max_size=8))
@settings(deadline=None, max_examples=40)
def test_a_first_stage_is_ordered_as_trec_eval_orders_it(run: dict[str, float]) -> None:
    """trec_eval keeps scores in single precision: these all tie, though they differ."""
    for rank, document in enumerate(trec_order(run), 1):
        (reciprocal_rank,) = per_query(["RR"], {"q": {document: 1}}, {"q": run})["RR"].values()
        assert reciprocal_rank == pytest.approx(1 / rank)


def test_ties_are_read_as_the_docstring_says() -> None:
    run, names = {"q": {"a": 1.0, "b": 1.0}}, ["RR", "RR@10"]
    assert per_query(names, {"q": {"b": 1}}, run) == {"RR": {"q": 1.0}, "RR@10": {"q": 0.5}}


def test_one_measure_under_two_names_has_the_same_values() -> None:
    by_measure = per_query(["MAP", "AP"], {"q": {"a": 1}}, {"q": {"a": 1.0}})
    assert by_measure == {"MAP": {"q": 1.0}, "AP": {"q": 1.0}}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nDCG@ten", "such as nDCG@10, got 'nDCG@ten'"),
        ("RR(of=1)@10", r"such as nDCG@10, got 'RR\(of=1\)@10'"),
        ("P@0", "a cut-off of at least 1, got 'P@0'"),
        ("P@2.5", "a cut-off of at least 1, got 'P@2.5'"),
        ("P", "measure 'P' cannot be computed: invalid param cutoff"),
        ("RBP", "measure 'RBP' cannot be computed: Unsupported measures"),
    ],
)
def test_a_measure_that_cannot_be_computed_is_named(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_measures([name])
    with pytest.raises(InputError, match=message):
        per_query(["nDCG@10", name], {"q": {"a": 1}}, {"q": {"a": 1.0}})
    with pytest.raises(InputError, match=message):
        report("m", COLLECTION, RUN, [], measures=["nDCG@10", name], depth=10)


def test_a_report_has_at_least_one_measure() -> None:
    with pytest.raises(InputError, match="measures must name at least one, got none"):
        report("m", COLLECTION, RUN, [], measures=[], depth=10)


def test_a_comparison_counts_and_tests() -> None:
    """By hand: t = 0.15 / (0.1291 / 2) = 2.3238; Student's distribution with 3 degrees of freedom in closed form."""
    t = 0.15 / math.sqrt(0.05 / 3 / 4)
    tail = 0.5 - (t / math.sqrt(3) / (1 + t * t / 3) + math.atan(t / math.sqrt(3))) / math.pi
    before = dict.fromkeys("abcd", 0.5)
    comparison = compare(before, {"a": 0.6, "b": 0.7, "c": 0.8, "d": 0.5})
    assert (comparison.helped, comparison.hurt, comparison.n_queries) == (3, 0, 4)
    assert comparison.difference == pytest.approx(0.15)
    assert comparison.p_value == pytest.approx(2 * tail, abs=1e-9)
    assert compare(before, before).p_value == 1.0
    assert compare({"a": 0.1}, {"a": 0.2}).p_value is None
    assert compare({"a": 0.0, "b": 0.0}, {"a": 0.5, "b": 0.5}).p_value == 0.0
    assert compare({"a": 0.1, "b": 0.2}, {"a": 0.2, "b": 0.3}).p_value == 0.0  # but for rounding, the same
    with pytest.raises(InputError, match="the same queries, 1 differ"):
        compare(before, {"a": 1.0, "b": 1.0, "c": 1.0})
    with pytest.raises(InputError, match="at least one query"):
        compare({}, {})


def test_a_report_says_what_changed_and_draws_it(tmp_path: Path) -> None:
    scored = rerank(OverlapScorer(), COLLECTION, RUN)
    outcome = report("org/a", COLLECTION, RUN, scored, measures=["RR@10", "R@100"], depth=100)
    comparison = outcome.comparisons["RR@10"]
    assert comparison.before == pytest.approx((1 + 1 / 3) / 2)
    assert comparison.after == 1.0
    assert (comparison.helped, comparison.hurt) == (1, 0)
    assert outcome.comparisons["R@100"].difference == 0.0
    assert [point.depth for point in outcome.depths] == [10, 20, 50, 100]
    assert outcome.n_documents == 7
    assert json.loads(json.dumps(outcome.as_json()))["measures"]["RR@10"]["after"] == 1.0
    files = write_plots(tmp_path, [outcome, report("b", COLLECTION, RUN, scored, measures=["RR@10"], depth=100)])
    assert [path.name for path in files] == ["org--a.png", "b.png", "comparison.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in files)


@pytest.mark.parametrize(
    ("models", "names"),
    [
        (["./out"], ["out"]),
        (["org/a", "b"], ["org--a", "b"]),
        (["x/runs/final", "y/runs/final"], ["x--runs--final", "y--runs--final"]),
        (["a/b", "./a/b"], ["a--b-1", "a--b-2"]),
        ([".."], ["model"]),
    ],
)
def test_models_files_are_visible_and_apart(models: list[str], names: list[str]) -> None:
    assert file_names(models) == names


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
    with pytest.raises(InputError, match="at least one word to search for, got none in 2"):
        BM25({"a": "the of", "b": ""})
