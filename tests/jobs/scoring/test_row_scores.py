"""Rows of which some may fail: these are told from the others, and both from a scorer that works no more."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondpass.errors import InputError, RemoteError
from secondpass.jobs.scoring.attempts import MOST_FAILURES_IN_A_ROW
from secondpass.jobs.scoring.row_scores import score_rows


class Picky:
    """Raises where a document holds one of these texts, whatever else it is asked for."""

    def __init__(self, *refused: str, error: Exception | None = None) -> None:
        self.refused = refused
        self.error = RuntimeError("the kernel does not like it\nsecond line") if error is None else error

    def score(self, query: str, documents: Sequence[str]) -> list[float]:
        if any(refused in document for refused in self.refused for document in documents):
            raise self.error
        return [float(len(query) + len(document)) for document in documents]


@given(st.lists(st.booleans(), max_size=40))
def test_whichever_rows_make_a_model_raise_the_others_have_their_scores(bad: list[bool]) -> None:
    documents = [f"{'bad' if is_bad else 'good'} {number}" for number, is_bad in enumerate(bad)]
    read = score_rows(Picky("bad"), ["q"] * len(bad), documents)
    assert set(read.errors) == {number for number, is_bad in enumerate(bad) if is_bad}
    assert set(read.errors.values()) <= {"RuntimeError: the kernel does not like it"}
    for number, is_bad in enumerate(bad):
        assert np.isnan(read.scores[number]) if is_bad else read.scores[number] == 1 + len(documents[number])


def test_a_model_that_fails_for_every_pair_is_no_matter_of_rows() -> None:
    n_rows = 2 * MOST_FAILURES_IN_A_ROW
    with pytest.raises(RuntimeError, match="the kernel does not like it"):
        score_rows(Picky("bad"), ["q"] * n_rows, ["bad"] * n_rows)
    # What the library refuses for a reason of the pair's is the pair's, however many there are of them.
    refusing = Picky("bad", error=InputError("pair 0 cannot be tokenised"))
    assert len(score_rows(refusing, ["q"] * n_rows, ["bad"] * n_rows).errors) == n_rows


def test_a_model_that_fails_for_every_pair_ends_small_batches_too() -> None:
    with pytest.raises(RuntimeError, match="the kernel does not like it"):
        score_rows(Picky(""), ["q"] * 5, ["any"] * 5)
    assert len(score_rows(Picky("bad"), ["q"] * 5, ["bad"] * 5).errors) == 5


@pytest.mark.parametrize(
    ("status", "is_of_the_row"),
    [(200, True), (413, True), (422, True), (424, True), (500, True), (None, False), (503, False), (401, False)],
)
def test_a_service_that_refuses_a_text_is_told_from_one_that_is_away(
    status: int | None, *, is_of_the_row: bool
) -> None:
    scorer = Picky("bad", error=RemoteError("no", status=status))
    if is_of_the_row:
        assert score_rows(scorer, ["q", "q"], ["bad", "good"]).errors == {0: "no"}
    else:
        with pytest.raises(RemoteError, match="no"):
            score_rows(scorer, ["q", "q"], ["bad", "good"])


def test_a_service_that_fails_for_everything_is_no_matter_of_rows() -> None:
    n_rows = 2 * MOST_FAILURES_IN_A_ROW
    with pytest.raises(RemoteError, match="no"):
        score_rows(Picky("bad", error=RemoteError("no", status=500)), ["q"] * n_rows, ["bad"] * n_rows)


class FailsAtFirst:
    """A service that answers 500 a few times, whatever it is asked."""

    def __init__(self, n_times: int) -> None:
        self.n_times = n_times

    def score(self, query: str, documents: Sequence[str]) -> list[float]:
        self.n_times -= 1
        if self.n_times >= 0:
            raise RemoteError("no", status=500)
        return [float(len(query) + len(document)) for document in documents]


def test_a_service_that_fails_for_a_moment_costs_no_row() -> None:
    for n_times in (1, 2):  # for both rows together, and for the first one alone
        read = score_rows(FailsAtFirst(n_times), ["q", "q"], ["a", "bb"])
        assert (read.errors, read.scores.tolist()) == ({}, [2.0, 3.0])
    with pytest.raises(RemoteError, match="no"):  # and once more where no pair is to blame
        score_rows(FailsAtFirst(3), ["q", "q"], ["a", "bb"])
