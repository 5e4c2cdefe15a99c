"""Jobs on a Ray cluster that the process is no part of, through `ray://`."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from checkpoints import bert
from job_rows import check_scored, errors_of, make_rows, read_output, write_jsonl
from ray_cluster import ray_client_server

from secondpass import CrossEncoder


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with ray_client_server() as found:
        yield found


@pytest.mark.slow
def test_a_job_is_scored_through_a_client(address: str, tmp_path: Path) -> None:
    model, rows = str(bert(tmp_path / "model", max_length=32)), make_rows(200)
    write_jsonl(tmp_path / "a.jsonl", [*rows, {"query": "q"}])
    command = [sys.executable, "-m", "secondpass", "score", "a.jsonl", "-o", "out", "-m", model, "--shard-rows", "40"]
    command += ["--engine", "ray", "--address", address, "--workers", "2"]
    for n_before in (0, 5):  # relative names are those of the folder in which the job was called, not of the workers'
        job = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)  # noqa: S603 - our own
        assert job.returncode == 0, job.stderr
        result = json.loads(job.stdout)
        assert (result["n_rows"], result["n_bad"], result["n_shards_before"]) == (200, 1, n_before)
    check_scored(rows, read_output(tmp_path / "out"), CrossEncoder(model))
    assert errors_of(tmp_path / "out") == [
        {"file": "a.jsonl", "row": 201, "error": "document must be a string, is missing"}
    ]
    failed = subprocess.run(  # noqa: S603 - our own
        [*command, "--strict", "-o", "strict"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert failed.returncode == 2
    said = " ".join(failed.stderr.split())  # lines are folded by the length of the folder's name
    assert said.endswith("a.jsonl:201: document must be a string, is missing")
