"""Workloads have the lengths they promise, are the same every time, and hold no pair twice."""

from pathlib import Path
from statistics import mean

import numpy as np
import pytest
from shared import shared

from secondpass.bench import WORKLOADS, Material, Setting, Workload, build_workloads, load_material, save_random
from secondpass.bench.signature import summarize, token_summary
from secondpass.bench.texts import PAIR_MEAN, PAIR_P95, pair_lengths
from secondpass.errors import InputError


@pytest.fixture(scope="module")
def text() -> Material:
    return load_material(None)


def test_made_up_lengths_follow_their_distribution() -> None:
    drawn = pair_lengths(1000)
    assert mean(drawn) == pytest.approx(PAIR_MEAN, abs=0.5)
    assert np.percentile(drawn, 95) == pytest.approx(PAIR_P95, abs=1)


def test_made_up_pairs_have_these_lengths_in_tokens(text: Material, tmp_path: Path) -> None:
    workload = build_workloads(["passages"], text, 1000)[0]
    save_random("tiny", tmp_path, (part for pair in workload.pairs for part in pair))
    tokens = token_summary(workload, Setting(str(tmp_path), None, 512))
    assert tokens["mean"] == pytest.approx(68, abs=0.5)
    assert tokens["p95"] == pytest.approx(124, abs=2)


def test_real_passages_have_the_lengths_that_are_written_down() -> None:
    setting = Setting(str(shared("data/tokenizers/ms-marco-MiniLM-L-6-v2")), None, 512)
    text = load_material(shared("data"))
    passages, chunks = build_workloads(["passages"], text, 4300)[0], build_workloads(["chunks"], text)[0]
    assert passages.source == "TREC DL 2019, BM25 top 100"
    assert token_summary(passages, setting)["mean"] == pytest.approx(95, abs=1)
    assert token_summary(passages, setting)["p95"] == pytest.approx(162, abs=1)
    assert token_summary(chunks, setting)["mean"] == pytest.approx(250, rel=0.1)


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("passages", {"passages": 30}),
        ("chunks", {"chunks": 30}),
        ("long", {"long": 30}),
        ("mixed", {"mixed": 30}),
        ("latency", {"latency-10": 100, "latency-20": 200, "latency-100": 1000}),
        ("scaling", {"scaling-30": 30}),
        ("lengths", {f"length-{length}": 30 for length in (32, 64, 128, 256, 480)}),
    ],
)
def test_every_workload_has_as_many_pairs_as_asked_for(name: str, sizes: dict[str, int], text: Material) -> None:
    assert {workload.name: len(workload.pairs) for workload in build_workloads([name], text, 30)} == sizes


def test_scaling_goes_up_in_powers_of_ten(text: Material) -> None:
    assert [len(workload.pairs) for workload in build_workloads(["scaling"], text)] == [100, 1_000, 10_000]
    assert [len(workload.pairs) for workload in build_workloads(["scaling"], text, 2_500)] == [100, 1_000, 2_500]


def test_made_up_pairs_of_one_length_have_it_to_the_token(text: Material, tmp_path: Path) -> None:
    by_length = build_workloads(["lengths", "chunks", "long"], text, 5)
    save_random("tiny", tmp_path, text.prose)
    setting = Setting(str(tmp_path), None, 512)
    counted = {workload.name: token_summary(workload, setting)["p50"] for workload in by_length}
    assert counted == {f"length-{n}": n for n in (32, 64, 128, 256, 480)} | {"chunks": 250, "long": 512}


def test_a_call_of_a_latency_workload_has_one_query(text: Material) -> None:
    workload = build_workloads(["latency-20"], text)[0]
    assert [len(request) for request in workload.requests] == [20] * 10
    assert [len({query for query, _ in request}) for request in workload.requests] == [1] * 10


def test_the_same_text_is_made_up_every_time(text: Material) -> None:
    assert load_material(None) == text
    assert all(
        build_workloads([name], text, 40) == build_workloads([name], load_material(None), 40) for name in WORKLOADS
    )


def test_a_repeated_pair_is_refused() -> None:
    with pytest.raises(InputError, match=r"must all differ, got 1 repeats"):
        Workload("twice", ((("q", "d"), ("q", "d")),), "by hand")
    with pytest.raises(InputError, match=r"must hold pairs, got an empty one in 'none'"):
        Workload("none", ((),), "by hand")


def test_mistakes_are_named(text: Material, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"workload must be one of passages, chunks, .*, got 'fast'"):
        build_workloads(["fast"], text)
    with pytest.raises(InputError, match=r"pairs must be at least 1, got 0"):
        build_workloads(["passages"], text, 0)
    # Two queries with each of four passages are eight pairs.
    with pytest.raises(InputError, match=r"pairs must be at most 8, the different ones in this text, got 9"):
        build_workloads(["passages"], Material((("a", ("x", "y")), ("b", ("z", "w"))), (), 1.0, "by hand", ""), 9)
    with pytest.raises(InputError, match=r"data must be a folder with trec-dl/dl19 or docs-en/sections.jsonl.gz, got"):
        load_material(tmp_path)
    (tmp_path / "trec-dl" / "dl19").mkdir(parents=True)
    with pytest.raises(InputError, match=r"no such file: .*queries.jsonl"):
        load_material(tmp_path)


def test_summary_by_hand() -> None:
    assert summarize([1, 2, 3, 4, 100]) == {"mean": 22.0, "p50": 3.0, "p95": 80.8, "max": 100, "sum": 110}
