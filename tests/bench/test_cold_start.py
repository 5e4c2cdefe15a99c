"""`-w cold-start`: every turn in a process of its own, beside those who start from the same files."""

import json
import subprocess
import sys
from pathlib import Path

import checkpoints
import numpy as np
import pytest

from secondpass.bench import CONTENDERS, Setting, Workload, build_workloads, load_material
from secondpass.bench.contenders import BASELINE, Contender
from secondpass.bench.measure import measure


def test_it_is_one_call_with_the_candidates_of_one_query() -> None:
    (workload,) = build_workloads(["cold-start"], load_material(None), 7)
    assert len(workload.requests) == 1
    assert len({query for query, _ in workload.pairs}) == 1
    assert 1 < len(workload.pairs) <= 20


@pytest.mark.slow
def test_processes_start_load_and_score() -> None:
    pytest.importorskip("sentence_transformers")
    names = ["secondpass float32", BASELINE, "onnxruntime int8"]
    options = [option for name in names for option in ("-c", name)]
    command = [sys.executable, "-m", "secondpass", "bench", "--tiny", "-w", "cold-start", "--repeats", "2", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    assert done.returncode == 0, done.stderr
    (workload,) = json.loads(done.stdout)["workloads"]
    assert workload["name"] == "cold-start"
    figures = {contender["name"]: contender for contender in workload["contenders"]}
    assert list(figures) == names[:2]  # the third would make a file of its own first
    for figure in figures.values():
        assert [len(repeat) for repeat in figure["seconds"]] == [1, 1]
        assert min(seconds for repeat in figure["seconds"] for seconds in repeat) > 0
        assert figure["score_difference"] < 1e-4
    assert figures[BASELINE]["ratio"] == 1


def test_whoever_fails_in_a_process_of_its_own_is_said_to(tmp_path: Path) -> None:
    """A contender that this process alone knows."""
    setting = Setting(str(checkpoints.bert(tmp_path)), None, 512)
    contender = Contender("only here", lambda _: lambda pairs: np.zeros(len(pairs), np.float32))
    workload = Workload("cold-start", ((("a", "b"),),), "made up")
    results = measure(setting, "tiny", [workload], [contender], repeats=2, memory=False)
    assert results.left_out == {"only here, cold-start": "in a process of its own: StopIteration"}
    assert [result.figures for result in results.workloads] == [{}]


def test_whoever_makes_another_file_of_a_checkpoint_first_says_so() -> None:
    formats = ("onnx", "openvino")
    for contender in CONTENDERS:
        assert contender.converts is any(name in contender.name.lower() for name in formats)
