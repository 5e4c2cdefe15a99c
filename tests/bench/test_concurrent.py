"""`-w concurrent`: calls of many threads at a time, and figures that are those of their times."""

import json
import subprocess
import sys
import threading
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console

from secondpass.bench import BASELINE, Material, Results, Workload, build_workloads, load_material
from secondpass.bench.concurrent import Concurrency, ConcurrentResult, call_from_threads, measure_concurrent
from secondpass.bench.timing import Times
from secondpass.bench.workloads import CALLERS, searches
from secondpass.cli.bench.tables import concurrent_table
from secondpass.errors import InputError
from secondpass.ranking import Pair

TOKENS = {"mean": 60.0, "p50": 58.0, "p95": 99.0, "max": 120, "sum": 480}


def calls(n_calls: int, n_pairs: int = 2) -> Workload:
    return Workload(
        "concurrent", tuple(tuple((f"q{i}", f"d{j}") for j in range(n_pairs)) for i in range(n_calls)), "by hand"
    )


def test_every_caller_has_several_calls_with_one_query_each() -> None:
    (workload,) = build_workloads(["concurrent"], load_material(None), 7)
    assert [len(request) for request in workload.requests] == [20] * (2 * CALLERS)
    assert {len({query for query, _ in request}) for request in workload.requests} == {1}


def test_searches_by_hand() -> None:
    text = Material((("a", ("x", "y", "x", "z")), ("b", ("y", "z", "u", "v", "w"))), (), 1.0, "by hand", "")
    assert searches(text, 2) == [("a", ("x", "y")), ("b", ("y", "z")), ("b", ("u", "v"))]
    with pytest.raises(InputError, match=r"data must have 32 times 20 candidates for 'concurrent', got 0 times"):
        build_workloads(["concurrent"], text)


def test_all_callers_call_at_the_same_time() -> None:
    together = threading.Barrier(4, timeout=20)  # a call that is not one of four at a time breaks it
    seen: list[Pair] = []

    def score(pairs: Sequence[Pair]) -> NDArray[np.float32]:
        together.wait()
        seen.extend(pairs)
        return np.zeros(len(pairs), np.float32)

    workload = calls(8)
    assert len(call_from_threads(score, workload.requests, 4)) == 8
    assert sorted(seen) == sorted(workload.pairs)


def test_a_peer_that_cannot_be_shared_is_left_out_and_ours_is_heard() -> None:
    def zeros(pairs: Sequence[Pair]) -> NDArray[np.float32]:
        return np.zeros(len(pairs), np.float32)

    def fails(pairs: Sequence[Pair]) -> NDArray[np.float32]:
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("Already\nborrowed")
        return zeros(pairs)

    result, failures = measure_concurrent(calls(4), TOKENS, {BASELINE: fails, "peer": zeros}, repeats=2)
    assert failures == {BASELINE: "RuntimeError: Already borrowed"}
    assert list(result.figures) == ["peer"]
    figure = result.figures["peer"]
    assert [len(repeat) for repeat in figure.calls.seconds] == [4, 4]
    assert len(figure.callers.seconds) == len(figure.one_call.seconds) == 2
    assert figure.ratio is None
    with pytest.raises(RuntimeError, match="borrowed"):
        measure_concurrent(calls(4), TOKENS, {"secondpass float32": fails}, repeats=1)


def test_a_peer_that_fails_now_and_then_is_left_out_and_the_others_keep_their_figures() -> None:
    n_calls = 0

    def fails_in_the_end(pairs: Sequence[Pair]) -> NDArray[np.float32]:
        nonlocal n_calls
        n_calls += 1
        if n_calls > 10:  # after the warm-up's four calls, and the first turns' one and four
            raise RuntimeError("Already borrowed")
        return np.zeros(len(pairs), np.float32)

    def zeros(pairs: Sequence[Pair]) -> NDArray[np.float32]:
        return np.zeros(len(pairs), np.float32)

    result, failures = measure_concurrent(
        calls(4), TOKENS, {BASELINE: zeros, "peer": fails_in_the_end, "secondpass int8": zeros}, repeats=3
    )
    assert failures == {"peer": "RuntimeError: Already borrowed"}
    assert list(result.figures) == [BASELINE, "secondpass int8"]
    for figure in result.figures.values():
        assert [len(repeat) for repeat in figure.calls.seconds] == [4, 4, 4]
        assert [len(repeat) for repeat in figure.callers.seconds] == [1, 1, 1]
        assert figure.ratio is not None
    n_calls = 0
    with pytest.raises(RuntimeError, match="borrowed"):
        measure_concurrent(calls(4), TOKENS, {"secondpass int8": fails_in_the_end}, repeats=3)


def test_figures_by_hand() -> None:
    callers, one_call = Times(((0.5,), (0.5,), (0.4,))), Times(((0.4,), (0.5,), (0.4,)))
    four_calls = Times(((0.2, 0.3, 0.2, 0.2), (0.2, 0.3, 0.2, 0.2), (0.2, 0.2, 0.2, 0.2)))
    result = ConcurrentResult(
        calls(4), TOKENS, 2, {"secondpass float32": Concurrency(callers, one_call, four_calls, 1.5)}
    )
    (row,) = result.as_json()["contenders"]
    # 8 pairs in 0.5 and in 0.4 seconds, the medians; the repeats' ratios are 0.8, 1 and 1.
    assert (row["docs_per_second"], row["docs_per_second_in_one_call"], row["of_one_call"]) == (16.0, 20.0, 1.0)
    # Two callers with two pairs each share 20 pairs a second.
    assert (row["p50_ms"], row["fair_ms"]) == (200.0, 200.0)
    assert Results({}, {}, [], concurrent=[result]).as_json()["concurrent"] == [result.as_json()]
    console = Console(width=140)
    with console.capture() as output:
        console.print(concurrent_table(result))
    assert "concurrent: 8 pairs in 4 calls, 2 threads" in output.get()
    lines = [line.replace("│", " ").split() for line in output.get().splitlines()]
    assert ["secondpass", "float32", "16.0", "1.50", "20.0", "1.00", "200", "300", "200"] in lines


@pytest.mark.slow
def test_the_command_measures_it() -> None:
    pytest.importorskip("sentence_transformers")
    names = ["secondpass float32", BASELINE]
    options = [option for name in names for option in ("-c", name)]
    command = [sys.executable, "-m", "secondpass", "bench", "--tiny", "-w", "concurrent", "--repeats", "2", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    (result,) = printed["concurrent"]
    assert printed["workloads"] == []
    assert (result["n_callers"], result["n_requests"], result["n_pairs"]) == (16, 32, 640)
    assert [contender["name"] for contender in result["contenders"]] == names
    for contender in result["contenders"]:
        assert [len(repeat) for repeat in contender["seconds_of_calls"]] == [32, 32]
        assert len(contender["seconds"]) == len(contender["seconds_of_one_call"]) == 2
        for seconds, calls_of_repeat in zip(contender["seconds"], contender["seconds_of_calls"], strict=True):
            assert seconds > max(calls_of_repeat) > 0
    assert result["contenders"][1]["ratio"] == 1
