"""Cascades: one order out of several scorers, and who decided about what."""

import asyncio
import math
import pickle
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from fake_service import closed_url
from hypothesis import given
from hypothesis import strategies as st
from judgements import platt, steps
from scorers import Fixed
from truncation import TRUNCATES

from secondpass import Calibrated, Cascade, CrossEncoder, RankedDocument, RemoteScorer, Scorer, arank, rank
from secondpass.errors import InputError, InputTypeError, NoFingerprintError, RemoteWarning, ScoringError
from secondpass.ranking import AsyncRankingScorer, Passage, RankingScorer, best_first, score_pairs
from secondpass.testing import OverlapScorer

FINITE = st.floats(-1e300, 1e300)
SINGLE = st.floats(allow_nan=False, allow_infinity=False, width=32)
# Few values, so that ties and neighbours of single precision are common.
CLOSE = st.sampled_from([0.0, -0.0, 1.0, float(np.nextafter(np.float32(1), np.float32(0))), -3.0, 1e-45, 0.5])
SCORES = FINITE | SINGLE | CLOSE


class Table:
    """Gives each document the score that a table has, and remembers what it was asked for."""

    def __init__(self, scores: Mapping[str, float]) -> None:
        self.scores = scores
        self.read: list[list[str]] = []

    def score(self, query: str, documents: Sequence[str]) -> list[float]:  # noqa: ARG002 - a Scorer
        self.read.append(list(documents))
        return [self.scores[text] for text in documents]


def texts(n_documents: int) -> list[str]:
    return [f"text {number}" for number in range(n_documents)]


def tables(*stages: Sequence[float]) -> list[Table]:
    """A scorer per stage, from the scores of its documents."""
    return [Table(dict(zip(texts(len(scores)), scores, strict=True))) for scores in stages]


@st.composite
def stages(draw: st.DrawFn, n_stages: int) -> list[list[float]]:
    n_documents = draw(st.integers(1, 8))
    return [draw(st.lists(SCORES, min_size=n_documents, max_size=n_documents)) for _ in range(n_stages)]


def order_by_hand(scores: Sequence[Sequence[float]], keep: Sequence[int]) -> list[int]:
    """The order as the definition has it: sort all, put the best `keep` first in the order of the next stage."""
    order = sorted(range(len(scores[0])), key=lambda i: -scores[0][i])
    for stage, n_kept in enumerate(keep, 1):
        kept = sorted(sorted(order[:n_kept]), key=lambda i: -scores[stage][i])
        order[:n_kept] = kept
    return order


@given(stages(3), st.integers(1, 9), st.integers(1, 9))
def test_the_order_is_the_one_of_the_definition_and_scores_sort_in_it(
    scores: list[list[float]], first: int, second: int
) -> None:
    keep = sorted([first, second], reverse=True)
    cascade = Cascade(tables(*scores), keep=keep)
    documents = texts(len(scores[0]))
    expected = order_by_hand(scores, keep)
    assert [document.index for document in cascade.rank("q", documents)] == expected
    given_order = cascade.score("q", documents)
    assert all(math.isfinite(score) for score in given_order)
    assert sorted(range(len(documents)), key=lambda i: -given_order[i]) == expected
    # Two are equal only if the same stage decided about both and found them equal.
    explained = cascade.explain("q", documents)
    for above, below in pairwise(explained):
        same = (above.stage, above.stage_scores[-1]) == (below.stage, below.stage_scores[-1])
        assert (above.document.score == below.document.score) == same


@given(stages(2))
def test_keeping_all_is_the_last_scorer_alone(scores: list[list[float]]) -> None:
    small, large = tables(*scores)
    documents = texts(len(scores[0]))
    cascade = Cascade([small, large], keep=len(documents))
    assert cascade.score("q", documents) == scores[1]
    assert cascade.rank("q", documents) == rank(large, "q", documents)


@given(stages(2), st.integers(1, 9), st.integers(1, 9))
def test_the_best_are_the_beginning_of_all(scores: list[list[float]], keep: int, top_k: int) -> None:
    cascade = Cascade(tables(*scores), keep=keep)
    documents = texts(len(scores[0]))
    assert cascade.rank("q", documents, top_k=top_k) == cascade.rank("q", documents)[:top_k]


@given(stages(2), st.integers(1, 9), st.randoms())
def test_another_order_of_the_documents_permutes_the_scores(scores: list[list[float]], keep: int, random: Any) -> None:
    if len(set(scores[0])) < len(scores[0]):  # a tie at the border is decided by the given order
        return
    cascade = Cascade(tables(*scores), keep=keep)
    documents = texts(len(scores[0]))
    shuffled = random.sample(documents, len(documents))
    before = dict(zip(documents, cascade.score("q", documents), strict=True))
    assert cascade.score("q", shuffled) == [before[text] for text in shuffled]


@given(stages(2), st.integers(1, 9))
def test_scores_of_single_precision_differ_there_too(scores: list[list[float]], keep: int) -> None:
    with np.errstate(over="ignore"):
        single = [[float(np.clip(np.float32(score), -1e38, 1e38)) for score in stage] for stage in scores]
    cascade = Cascade(tables(*single), keep=keep)
    documents = texts(len(single[0]))
    double = cascade.score("q", documents)
    assert len(set(double)) == len({float(np.float32(score)) for score in double})


def test_scores_are_lowered_no_further_than_the_order_demands() -> None:
    small, large = tables([5.0, 4.0, 3.0, -9.0, 3.0], [1.0, 2.0, 0.0, 0.0, 0.0])
    below = float(np.nextafter(np.float32(1), np.float32(0)))
    cascade = Cascade([small, large], keep=2)
    assert cascade.score("q", texts(5)) == [1.0, 2.0, below, -9.0, below]
    explained = cascade.explain("q", texts(5))
    assert [placed.document.index for placed in explained] == [1, 0, 2, 4, 3]
    assert [placed.stage for placed in explained] == [1, 1, 0, 0, 0]
    assert [placed.stage_scores for placed in explained] == [(4.0, 2.0), (5.0, 1.0), (3.0,), (3.0,), (-9.0,)]


def test_a_number_that_single_precision_rounds_down_is_the_next_below() -> None:
    (_, lowered) = Cascade(tables([2.0, 1.0], [0.7, 0.0]), keep=1).rank("q", texts(2))
    assert lowered.score == float(np.float32(0.7)) < 0.7


def test_each_stage_reads_the_best_of_the_one_before_in_the_given_order() -> None:
    first, second, third = tables([1, 4, 2, 5, 3], [1, 2, 9, 3, 4], [0] * 5)
    Cascade([first, second, third], keep=[3, 1]).rank("q", texts(5))
    assert first.read == [texts(5)]
    assert second.read == [["text 1", "text 3", "text 4"]]
    assert third.read == [["text 4"]]


def test_one_number_holds_for_every_stage() -> None:
    scorers = tables([1, 2, 3], [1, 2, 3], [1, 2, 3])
    assert Cascade(scorers, keep=2).keep == (2, 2)


def test_equal_scores_at_the_border_keep_the_given_order() -> None:
    small, large = tables([1, 1, 1, 1], [0, 1, 2, 3])
    cascade = Cascade([small, large], keep=2)
    assert [document.index for document in cascade.rank("q", texts(4))] == [1, 0, 2, 3]
    assert large.read == [["text 0", "text 1"]]


def test_a_margin_lets_go_on_what_is_near_the_best() -> None:
    small, large = tables([0.875, 0.75, 0.625, 0.5], [0.25, 0.5, 0.75, 1.0])
    cascade = Cascade([small, large], keep=0.25)
    assert [document.index for document in cascade.rank("q", texts(4))] == [2, 1, 0, 3]
    assert large.read == [["text 0", "text 1", "text 2"]]


@pytest.mark.parametrize("form", [np.float64, np.float32])
@pytest.mark.parametrize(("best", "other", "keep"), [(0.9, 0.7, 0.2), (0.3, 0.1, 0.2), (0.8, 0.5, 0.3)])
def test_a_margin_holds_what_is_just_as_far_as_it_says(form: Any, best: float, other: float, keep: float) -> None:
    small, large = tables([float(form(score)) for score in (best, other, other - 1e-6)], [0.0, 0.0, 0.0])
    Cascade([small, large], keep=keep).score("q", texts(3))
    assert large.read == [["text 0", "text 1"]]


class Failing(Table):
    """Keeps the given order, as a service that is down and may be."""

    on_failure = "keep_order"

    def __init__(self) -> None:
        super().__init__({})

    def score(self, query: str, documents: Sequence[str]) -> list[float]:  # noqa: ARG002 - a Scorer
        self.read.append(list(documents))
        return [-1.0 - place for place in range(len(documents))]


def seen(cascade: Cascade, n_documents: int) -> list[tuple[int, float, int]]:
    return [
        (placed.document.index, placed.document.score, placed.stage)
        for placed in cascade.explain("q", texts(n_documents))
    ]


@pytest.mark.parametrize("keep", [1, 2, 3, 4, 0.5])
def test_a_last_stage_that_fails_leaves_the_order_of_the_one_before(keep: float) -> None:
    (table,) = tables([0.3, 0.9, 0.3, 0.8])
    assert seen(Cascade([table, Failing()], keep=keep), 4) == [(1, 0.9, 0), (3, 0.8, 0), (0, 0.3, 0), (2, 0.3, 0)]


def test_a_stage_that_fails_sends_on_what_the_one_before_found_best() -> None:
    first, last = tables([0.1, 0.4, 0.3, 0.2], [0.0, 0.7, 0.8, 0.0])
    failing = Failing()
    assert seen(Cascade([first, failing, last], keep=[3, 2]), 4) == [(2, 0.8, 2), (1, 0.7, 2), (3, 0.2, 0), (0, 0.1, 0)]
    assert [failing.read, last.read] == [[["text 1", "text 2", "text 3"]], [["text 1", "text 2"]]]


def test_at_a_margin_a_stage_that_fails_sends_all_on() -> None:
    (last,) = tables([0.1, 0.9, 0.5])
    assert seen(Cascade([Failing(), last], keep=0.2), 3) == [(1, 0.9, 1), (2, 0.5, 1), (0, 0.1, 1)]
    assert seen(Cascade([Failing(), last], keep=0.2), 1) == [(0, 0.1, 1)]


def test_a_first_stage_that_fails_keeps_the_best_of_the_given_order() -> None:
    (last,) = tables([0.1, 0.9, 1.0])
    assert seen(Cascade([Failing(), last], keep=2), 3) == [(1, 0.9, 1), (0, 0.1, 1), (2, -3.0, 0)]


def test_where_all_stages_fail_the_given_order_stays() -> None:
    inner = Cascade([Failing(), Failing()], keep=2)
    assert seen(inner, 3) == [(0, -1.0, 0), (1, -2.0, 0), (2, -3.0, 0)]
    (last,) = tables([0.1, 0.9, 0.5])
    assert seen(Cascade([last, inner], keep=3), 3) == [(1, 0.9, 0), (2, 0.5, 0), (0, 0.1, 0)], "so one within another"


async def test_a_service_that_is_down_is_such_a_stage() -> None:
    lost = RemoteScorer(closed_url(), retries=0, on_failure="keep_order")
    (table,) = tables([0.3, 0.9, 0.7])
    orders: list[list[Scorer]] = [[lost, table], [table, lost]]
    for scorers in orders:
        cascade = Cascade(scorers, keep=0.7)
        with pytest.warns(RemoteWarning):
            ranked = cascade.rank("q", texts(3), score_threshold=0.0)
        with pytest.warns(RemoteWarning):
            assert await cascade.arank("q", texts(3), score_threshold=0.0) == ranked
        assert [document.index for document in ranked] == [1, 2, 0]


@pytest.mark.parametrize("place", [0, 1])
def test_any_stage_may_keep_the_order_and_no_probabilities_are_made_of_that(place: int) -> None:
    stages: list[Scorer] = [OverlapScorer()]
    stages.insert(place, RemoteScorer(closed_url(), on_failure="keep_order"))
    cascade = Cascade(stages, keep=2)
    assert cascade.on_failure == "keep_order"
    with pytest.raises(InputError, match="on_failure"):
        Calibrated(cascade, platt(1.0, 0.0))


def test_a_clear_case_stops_early() -> None:
    small, large = tables([0.9, 0.5, 0.25], [0.0, 0.0, 0.0])
    cascade = Cascade([small, large], keep=0.25)
    assert cascade.rank("q", texts(3)) == rank(small, "q", texts(3))
    assert large.read == []
    assert {placed.stage for placed in cascade.explain("q", texts(3))} == {0}


@pytest.mark.parametrize("score", [1.5, -0.1, math.inf])
def test_a_margin_needs_probabilities(score: float) -> None:
    with pytest.raises(InputError, match=r"keep must be an integer where scores are no probabilities: 0.2 is a margin"):
        Cascade(tables([0.5, score], [0, 0]), keep=0.2).score("q", texts(2))


def test_no_documents_call_no_scorer() -> None:
    scorers = [OverlapScorer(), OverlapScorer()]
    cascade = Cascade(scorers, keep=2)
    assert cascade.score("q", []) == []
    assert cascade.rank("q", []) == []
    assert cascade.explain("q", []) == []
    assert [scorer.calls for scorer in scorers] == [[], []]


@pytest.mark.parametrize("stage", [0, 1])
def test_nan_of_any_stage_is_an_error(stage: int) -> None:
    scores = [[1.0, 2.0], [1.0, 2.0]]
    scores[stage][0] = math.nan
    with pytest.raises(ScoringError, match="got NaN"):
        Cascade(tables(*scores), keep=2).score("q", texts(2))


def test_a_stage_that_gives_other_than_one_score_per_document() -> None:
    with pytest.raises(ScoringError, match="one score per document"):
        Cascade([Fixed([1.0, 2.0]), Fixed([1.0])], keep=2).score("q", texts(2))


def test_nothing_lies_below_minus_infinity() -> None:
    with pytest.raises(ScoringError, match="must leave room below them for those of the stage before, got -inf"):
        Cascade(tables([3, 2, 1], [0, -math.inf, 0]), keep=2).score("q", texts(3))
    whole = Cascade(tables([3, 2], [math.inf, -math.inf]), keep=2)
    assert whole.score("q", texts(2)) == [math.inf, -math.inf]


class Windowed:
    """Ranks by itself, and says what it read."""

    def __init__(self, scores: Sequence[float], end: int) -> None:
        self.table = tables(scores)[0]
        self.end = end

    def score(self, query: str, documents: Sequence[str]) -> list[float]:
        return self.table.score(query, documents)

    def rank(self, query: str, documents: Sequence[str]) -> list[RankedDocument]:
        ranked = rank(self.table, query, documents)
        return [
            RankedDocument(d.index, d.score, d.text, Passage(0, self.end, d.score), truncated=self.end < 3)
            for d in ranked
        ]


def test_passage_and_truncation_are_those_of_the_stage_that_decided() -> None:
    cascade = Cascade([Windowed([3, 2, 1], 2), Windowed([-5, -4, 0], 4)], keep=2)
    below = float(np.nextafter(np.float32(-5), np.float32(-np.inf)))
    assert cascade.rank("q", texts(3)) == [
        RankedDocument(1, -4.0, "text 1", Passage(0, 4, -4.0), truncated=False),
        RankedDocument(0, -5.0, "text 0", Passage(0, 4, -5.0), truncated=False),
        RankedDocument(2, below, "text 2", Passage(0, 2, 1.0), truncated=True),
    ]


class Squashed(Table):
    """Gives a sigmoid, whose logit it tells."""

    def rank(self, query: str, documents: Sequence[str]) -> list[RankedDocument]:
        return rank(Table(self.scores), query, documents, score_map=lambda logit: 1 / (1 + math.exp(-logit)))


@pytest.mark.parametrize("first", [Table, Squashed])
@pytest.mark.parametrize("last", [Table, Squashed])
def test_what_makes_scores_equal_leaves_the_order_of_the_cascade(first: Any, last: Any) -> None:
    documents = texts(5)
    scores = [[5.0, 4.0, 3.0, 2.0, 1.0], [-8.0, -7.0, -6.0]]
    cascade = Cascade([kind(table.scores) for kind, table in zip((first, last), tables(*scores), strict=True)], keep=3)
    expected = [2, 1, 0, 3, 4]
    assert [document.index for document in cascade.rank("q", documents)] == expected
    calibrated = Calibrated(cascade, steps(100.0))  # one probability for all
    assert [document.index for document in calibrated.rank("q", documents)] == expected
    assert [document.index for document in rank(calibrated, "q", documents)] == expected
    read = calibrated.read([("q", text) for text in documents])
    assert best_first(read.scores.tolist(), read.tie_breakers.tolist()) == expected


@given(stages(2), st.integers(1, 9))
def test_raw_scores_fall_in_the_order_of_the_cascade(scores: list[list[float]], keep: int) -> None:
    first, last = tables(*(np.clip(stage, -30, 30).tolist() for stage in scores))
    ranked = Cascade([first, Squashed(last.scores)], keep=keep).rank("q", texts(len(scores[0])))
    raw_scores = [document.tie_breaker for document in ranked]
    assert all(one >= next_one for one, next_one in pairwise(raw_scores))
    read = ranked[:keep]
    assert [document.raw_score for document in read] == [last.scores[document.text] for document in read]
    assert all(document.tie_breaker < read[-1].tie_breaker for document in ranked[keep:])


class Awaited(Table):
    """Can be awaited, and must not be called."""

    async def ascore(self, query: str, documents: Sequence[str]) -> list[float]:
        return super().score(query, documents)

    def score(self, query: str, documents: Sequence[str]) -> list[float]:
        raise AssertionError(f"called with {query} and {documents}")


async def test_awaited_it_gives_the_same() -> None:
    scores = [[3.0, 1.0, 2.0], [0.5, 0.1, 0.7]]
    plain = Cascade(tables(*scores), keep=2)
    awaited = Cascade([Awaited(tables(scores[0])[0].scores), tables(scores[1])[0]], keep=2)
    assert await awaited.ascore("q", texts(3)) == plain.score("q", texts(3))
    assert await awaited.arank("q", texts(3), top_k=2, score_threshold=0.6) == plain.rank("q", texts(3), 2, 0.6)
    assert await arank(awaited, "q", texts(3)) == plain.rank("q", texts(3))
    assert await awaited.arank("q", []) == []
    assert await awaited.ascore("q", []) == []


def test_it_goes_wherever_a_scorer_goes() -> None:
    cascade = Cascade([OverlapScorer(), OverlapScorer()], keep=1)
    assert isinstance(cascade, RankingScorer)
    assert isinstance(cascade, AsyncRankingScorer)
    assert rank(cascade, "cat", ["dog", "cat"], top_k=1) == [RankedDocument(1, 1.0, "cat")]
    nested = Cascade([cascade, OverlapScorer()], keep=1)
    assert [document.index for document in nested.rank("cat", ["dog", "cat"])] == [1, 0]
    # Documents of one query compete, those of two do not.
    assert score_pairs(cascade, [("cat", "dog"), ("cat", "cat"), ("dog", "dog")]).tolist() == [0.0, 1.0, 1.0]


@TRUNCATES
def test_with_models_it_is_brute_force(model: str) -> None:
    whole, short = CrossEncoder(model), CrossEncoder(model, max_length=16)
    query = "how many people live in Berlin"
    documents = [
        "Berlin is in Germany.",
        "It has 3.5 million people.",
        "A recipe for bread.",
        "People of Berlin",
        "",
    ] * 2
    cascade = Cascade([short, whole], keep=4)
    assert [d.index for d in cascade.rank(query, documents)] == order_by_hand(
        [short.score(query, documents).tolist(), whole.score(query, documents).tolist()], [4]
    )
    everything = Cascade([short, whole], keep=10)
    assert everything.score(query, documents) == whole.score(query, documents).tolist()
    again = pickle.loads(pickle.dumps(cascade))  # noqa: S301 - our own
    assert again.score(query, documents) == cascade.score(query, documents)
    assert repr(cascade) == f"Cascade([{short!r}, {whole!r}], keep=[4])"
    assert cascade.fingerprint() == again.fingerprint()
    others = [Cascade([short, whole], keep=5), Cascade([whole, short], keep=4), Cascade([short, whole], keep=0.5)]
    assert len({scorer.fingerprint() for scorer in [cascade, *others]}) == 4


def test_a_stage_without_a_fingerprint_is_named() -> None:
    with pytest.raises(NoFingerprintError, match=r"scorers\[1\] must have a fingerprint\(\), which Fixed"):
        Cascade([_WithFingerprint(), Fixed([1.0])], keep=1).fingerprint()


class _WithFingerprint(OverlapScorer):
    def fingerprint(self) -> str:
        return "overlap"


@pytest.mark.parametrize(
    ("keep", "error", "message"),
    [
        (0, InputError, "keep must be an integer of at least 1, or a margin between 0.0 and 1.0, got 0"),
        (-1, InputError, "got -1"),
        (20.0, InputError, "got 20.0"),
        (1.0, InputError, "got 1.0"),
        (0.0, InputError, "got 0.0"),
        (math.nan, InputError, "got nan"),
        (True, InputTypeError, "got bool True"),
        (None, InputTypeError, "got NoneType None"),
        ("20", InputTypeError, "got str '20'"),
        ([], InputError, "keep must have one number for each stage but the last, which are 1, got 0"),
        ([20, 10], InputError, "which are 1, got 2"),
        (["20"], InputTypeError, r"keep\[0\] must be an integer"),
    ],
)
def test_what_keep_may_not_be(keep: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Cascade([OverlapScorer(), OverlapScorer()], keep=keep)


def test_keep_does_not_grow() -> None:
    with pytest.raises(InputError, match=r"keep must not grow from stage to stage, got \[10, 20\]"):
        Cascade([OverlapScorer()] * 3, keep=[10, 20])
    assert Cascade([OverlapScorer()] * 4, keep=[10, 0.5, 10]).keep == (10, 0.5, 10)


@pytest.mark.parametrize(
    ("scorers", "error", "message"),
    [
        ([], InputError, "scorers must be at least 2, got 0"),
        ([OverlapScorer()], InputError, "scorers must be at least 2, got 1"),
        (
            ["secondpass/mini", OverlapScorer()],
            InputTypeError,
            r"scorers\[0\] must be an object .*/mini'",
        ),
        ("ab", InputTypeError, "scorers must be a list of scorers, got str 'ab'"),
        (OverlapScorer(), InputTypeError, "scorers must be a list of scorers, got OverlapScorer"),
    ],
)
def test_what_scorers_may_not_be(scorers: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Cascade(scorers, keep=1)


@pytest.mark.parametrize(
    "call",
    [
        lambda scorer: scorer.rank("q", ["a"], top_k=0),
        lambda scorer: scorer.rank("q", ["a"], score_threshold=math.nan),
        lambda scorer: scorer.rank(None, ["a"]),
        lambda scorer: scorer.score(None, []),
        lambda scorer: asyncio.run(scorer.ascore(None, [])),
        lambda scorer: scorer.score("q", "one text"),
        lambda scorer: scorer.explain("q", ["a", None]),
    ],
)
def test_requests_are_checked_before_a_stage_is_called(call: Any) -> None:
    first = OverlapScorer()
    with pytest.raises(InputError):
        call(Cascade([first, OverlapScorer()], keep=1))
    assert first.calls == []


def test_callers_lists_are_left_alone() -> None:
    scorers: list[Scorer] = [OverlapScorer(), OverlapScorer()]
    documents = ["dog", "cat"]
    cascade = Cascade(scorers, keep=1)
    scorers.clear()
    cascade.rank("cat", documents)
    assert documents == ["dog", "cat"]
    assert len(cascade.scorers) == 2


def generated(documents: Iterable[str]) -> Iterable[str]:
    yield from documents


def test_documents_may_be_any_iterable() -> None:
    cascade = Cascade([OverlapScorer(), OverlapScorer()], keep=1)
    assert cascade.score("cat", generated(["dog", "cat"])) == [0.0, 1.0]
