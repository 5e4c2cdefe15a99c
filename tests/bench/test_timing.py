"""Turns are taken in order; medians and ratios are those that hand-made numbers give."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from secondpass.bench.timing import Times, time_in_turns
from secondpass.errors import InputError


def test_contenders_take_turns() -> None:
    calls: list[str] = []

    def recorder(name: str) -> Callable[[str], None]:
        return lambda request: calls.append(name + request)

    time_in_turns({"A": recorder("A"), "B": recorder("B"), "C": recorder("C")}, ["1", "2"], 2)
    assert calls == ["A1", "A2", "B1", "B2", "C1", "C2"] * 2


def test_each_call_is_timed_by_itself() -> None:
    clock = iter([0.0, 1.0, 5.0, 7.0, 10.0, 14.0, 20.0, 28.0])
    times = time_in_turns({"A": str, "B": str}, [1, 2], 1, clock=lambda: next(clock))
    assert times == {"A": Times(((1.0, 2.0),)), "B": Times(((4.0, 8.0),))}


def test_whoever_fails_a_turn_has_no_more_and_the_others_keep_theirs() -> None:
    calls: list[str] = []

    def fail_at_second_turn(_: str) -> None:
        calls.append("A")
        if len(calls) > 1:
            raise RuntimeError("now and then")

    failed = []

    @contextmanager
    def around(name: str) -> Iterator[None]:
        try:
            yield
        except RuntimeError:
            failed.append(name)

    times = time_in_turns({"A": fail_at_second_turn, "B": str}, ["1"], 4, around=around)
    assert (list(times), len(times["B"].seconds), failed, calls) == (["B"], 4, ["A"], ["A", "A"])
    with pytest.raises(RuntimeError, match="now and then"):
        time_in_turns({"A": fail_at_second_turn}, ["1"], 1)


def test_documents_per_second_are_the_median_of_repeats() -> None:
    times = Times(((1.0, 1.0), (2.0, 2.0), (20.0, 30.0)))
    assert times.per_repeat == [2.0, 4.0, 50.0]
    assert times.per_second(100) == 25.0


def test_ratios_are_taken_within_a_repeat() -> None:
    # The machine halves its speed in the second repeat and stalls us in the third: 2, 2 and 0.5 times as fast.
    ours, theirs = Times(((1.0,), (2.0,), (4.0,))), Times(((2.0,), (4.0,), (2.0,)))
    assert ours.times_faster_than(theirs) == 2.0
    assert theirs.times_faster_than(theirs) == 1.0


def test_percentiles_are_over_all_calls_of_all_repeats() -> None:
    times = Times(((0.001, 0.002), (0.003, 0.004), (0.005, 0.006)))
    assert times.milliseconds(50) == pytest.approx(3.5)
    assert times.milliseconds(95) == pytest.approx(5.75)  # 4.75 of five steps between six values


def test_nothing_measured_gives_no_figure() -> None:
    with pytest.raises(InputError, match="repeats must be at least 1, got 0"):
        time_in_turns({"A": str}, [1], 0)
    with pytest.raises(InputError, match="at least one repeat of at least one call"):
        Times(())
