"""Jobs on a Ray cluster that the process is no part of, through `ray://`."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from checkpoints import bert
from job_rows import check_scored, errors_of, make_rows, read_output, write_jsonl
from ray_cluster import ray_client_server

from secondpass import CrossEncoder
from secondpass.jobs import JobSettings, score_files


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::secondpass.errors.TruncationWarning")  # of so many rows a few are longer
def test_a_job_is_scored_through_a_client_and_goes_on_elsewhere_when_the_cluster_goes(tmp_path: Path) -> None:
    model, rows, many = str(bert(tmp_path / "model", max_length=32)), make_rows(200), make_rows(10_000)
    write_jsonl(tmp_path / "a.jsonl", [*rows, {"query": "q", "document": None}])
    write_jsonl(tmp_path / "many.jsonl", many)
    score = [sys.executable, "-m", "secondpass", "score", "-m", model, "--engine", "ray"]
    with ray_client_server() as cluster:
        command = [*score, "a.jsonl", "--shard-rows", "40", "--address", cluster.address, "--workers", "2"]
        # Relative names are those of the folder in which the job was called, not of the workers'.
        for n_before in (0, 5):
            job = _run([*command, "-o", "out"], tmp_path)
            assert job.returncode == 0, job.stderr + cluster.logs()
            result = json.loads(job.stdout)
            assert (result["n_rows"], result["n_bad"], result["n_shards_before"]) == (200, 1, n_before)
        check_scored(rows, read_output(tmp_path / "out"), CrossEncoder(model))
        assert errors_of(tmp_path / "out") == [
            {"file": "a.jsonl", "row": 201, "error": "document must be a string, is missing"}
        ]
        failed = _run([*command, "-o", "strict", "--strict"], tmp_path)
        assert failed.returncode == 2
        assert _words(failed.stderr).endswith("a.jsonl:201: document must be a string, is missing")
        lost = subprocess.Popen(  # noqa: S603 - our own
            [*score, "many.jsonl", "-o", "many", "--shard-rows", "250", "--address", cluster.address, "--workers", "1"],
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "RAY_CLIENT_RECONNECT_GRACE_PERIOD": "1"},  # seconds in which a cluster may come back
        )
        while lost.poll() is None and not list(tmp_path.glob("many/finished/*.json")):
            time.sleep(0.02)
        cluster.kill()
    said = _words(lost.communicate(timeout=200)[1])
    assert lost.returncode == 2, said
    assert (
        "error: Ray did not finish the job, which goes on from there when it is called again. "
        "Ray says: ConnectionError, the cluster cannot be reached any more"
    ) in said
    result = score_files(tmp_path / "many.jsonl", tmp_path / "many", model=model, settings=JobSettings(shard_rows=250))
    assert 0 < result.n_shards_before < result.n_shards
    check_scored(many, read_output(tmp_path / "many"), CrossEncoder(model))


def _run(command: list[str], folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)  # noqa: S603 - our own


def _words(said: str) -> str:
    """The same on one line: lines are folded by the length of the folder's name."""
    return " ".join(said.split())
