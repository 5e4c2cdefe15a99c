"""Processes that are killed, and disks that take no more: every row comes out once all the same."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from checkpoints import bert
from job_rows import check_scored, make_rows, read_output, write_jsonl
from truncation import TRUNCATES

from secondpass import CrossEncoder
from secondpass.jobs import JobSettings, score_files

SCRIPT = Path(__file__).parents[1] / "support" / "killed_job.py"
N_KILLS = 10


@pytest.mark.slow
def test_a_job_killed_ten_times_ends_with_every_row_once(tmp_path: Path) -> None:
    # So many rows that no job ends before it is killed.
    model, rows, drawn = bert(tmp_path / "model", max_length=32), make_rows(4000), random.Random(0)  # noqa: S311 - moments, no secrets
    path, out = write_jsonl(tmp_path / "a.jsonl", rows), tmp_path / "out"
    command = [sys.executable, str(SCRIPT), str(path), str(out), str(model), "40"]
    n_done = 0
    for _ in range(N_KILLS):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as job:  # noqa: S603 - our own program
            assert job.stdout is not None
            for _ in range(drawn.randint(1, 5)):
                before, _, total = map(int, job.stdout.readline().split())
            time.sleep(drawn.uniform(0, 0.02))
            os.kill(job.pid, signal.SIGKILL)
        assert job.returncode == -signal.SIGKILL, "the job was to be killed before its end"
        assert n_done <= before < total == len(rows), "what was finished stays so"
        n_done = before
    result = score_files(path, out, model=str(model), settings=JobSettings(shard_rows=40))
    assert 0 < result.n_shards_before < result.n_shards
    check_scored(rows, read_output(out), CrossEncoder(str(model)))
    assert [file.name for file in out.rglob("*.unfinished")] == []


@TRUNCATES
@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_a_disk_that_takes_no_more_is_one_line_and_the_job_goes_on_elsewhere(kind: str, tmp_path: Path) -> None:
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    model, rows = bert(tmp_path / "model", max_length=32), make_rows(400)
    path, out = write_jsonl(tmp_path / "a.jsonl", rows), tmp_path / "out"
    # Shards of 40 rows are a few kilobytes; the third one, with 20 long rows, is more than the disk takes.
    for row in rows[90:110]:
        row["document"] = random.Random(row["id"]).randbytes(4000).hex()  # noqa: S311 - what no compression makes small
    write_jsonl(path, rows)
    command = [
        sys.executable, "-m", "secondpass", "score", str(path), "-o", str(out), "-m", str(model),
        "--shard-rows", "40", "--output-format", kind,
    ]  # fmt: skip
    done = subprocess.run(  # noqa: S603 - our own command
        ["/bin/sh", "-c", 'ulimit -f 48; exec "$@"', "sh", *command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert done.stderr.splitlines()[-1] == f"error: {out / 'scores' / f'part-00002.{kind}'}: File too large"
    assert "Traceback" not in done.stderr
    assert sorted(file.name for file in (out / "scores").iterdir()) == [f"part-0000{i}.{kind}" for i in range(2)]
    result = score_files(path, out, model=str(model), settings=JobSettings(shard_rows=40, output_format=kind))  # type: ignore[arg-type] # one of them
    assert (result.n_shards_before, result.n_rows) == (2, len(rows))
    if kind == "jsonl":
        check_scored(rows, read_output(out), CrossEncoder(str(model)))
