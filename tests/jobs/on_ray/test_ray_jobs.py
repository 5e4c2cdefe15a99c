"""Jobs on a Ray cluster of this machine: the same shards as a local job's, whoever is killed."""

import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scorers
from checkpoints import bert
from job_rows import check_scored, errors_of, make_rows, read_output, write_jsonl
from ray_cluster import descendants, ray_cluster
from scorers import Meeting, Scores, true_score

from secondpass import CrossEncoder
from secondpass.errors import CheckpointNotFoundError, InputError, ScoringError
from secondpass.jobs import BatchScorer, JobSettings, RayWorkers, score_dataset, score_files
from secondpass.jobs.on_ray.lost_workers import in_our_words
from secondpass.jobs.on_ray.score_dataset import TableScorer
from secondpass.options import ModelOptions

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:::ray"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

WORKERS = RayWorkers(least=2, most=2)
SCRIPT = Path(__file__).parents[2] / "support" / "killed_job.py"
N_KILLS = 10


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    with ray_cluster() as connected:
        connected.cloudpickle.register_pickle_by_value(scorers)  # which workers cannot import
        yield connected


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(bert(tmp_path_factory.mktemp("model"), max_length=32))


def _workers_of_ray() -> list[int]:
    """The processes that score on the cluster of this process, by their names; other clusters have others."""
    found = []
    for process in descendants(os.getpid()):
        try:
            name = Path(f"/proc/{process}/cmdline").read_bytes()
        except OSError:
            continue
        if b"ray::MapWorker" in name or b"_ShardWorker" in name:
            found.append(process)
    return found


@pytest.mark.usefixtures("ray")
def test_a_job_begins_local_and_ends_on_a_cluster(model: str, tmp_path: Path) -> None:
    rows = make_rows(300)
    path, out = write_jsonl(tmp_path / "a.jsonl", rows), tmp_path / "out"
    rows_with_a_bad_one = [*rows[:200], {"query": rows[200]["query"]}, *rows[200:]]
    write_jsonl(path, rows_with_a_bad_one)
    settings = JobSettings(shard_rows=40)
    with pytest.raises(InputError, match=r"a\.jsonl:201"):
        score_files(path, out, model=model, settings=JobSettings(shard_rows=40, strict=True))
    told: list[tuple[int, int, int]] = []
    result = score_files(
        path, out, model=model, settings=settings, workers=WORKERS, progress=lambda *rows: told.append(rows)
    )
    assert 0 < result.n_shards_before < result.n_shards
    assert told[-1][1:] == (301, 301)
    assert [error["row"] for error in errors_of(out)] == [201]
    check_scored(rows, read_output(out), CrossEncoder(model))
    assert score_files(path, out, model=model, settings=settings).n_shards_before == result.n_shards


@pytest.mark.usefixtures("ray")
@pytest.mark.parametrize("most", [None, 2])
def test_a_pool_grows_while_there_are_shards_and_room(
    most: int | None, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    rows = make_rows(200)
    path, out, met = write_jsonl(tmp_path / "a.jsonl", rows), tmp_path / "out", tmp_path / "met"
    met.mkdir()
    # The cluster has three CPUs, of which one is left free.
    workers, settings = RayWorkers(least=1, most=most), JobSettings(shard_rows=10)
    score_files(path, out, scorer=Meeting(met, 2), settings=settings, workers=workers)
    expected = [true_score(row["query"], row["document"]) for row in rows]
    np.testing.assert_allclose([row["score"] for row in read_output(out)], expected, rtol=1e-6)
    assert len(list(met.iterdir())) == 2
    assert [str(said.message) for said in recwarn if "ray_remote_args" in str(said.message)] == []


def test_a_pool_grows_while_a_dataset_has_blocks(ray: Any, tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    dataset = ray.data.from_items(make_rows(200), override_num_blocks=20)
    scored = score_dataset(dataset, scorer=Meeting(tmp_path, 2), workers=RayWorkers(least=1, most=2), batch_rows=10)
    assert [row["error"] for row in scored.take_all()] == [None] * 200
    assert len(list(tmp_path.iterdir())) == 2
    assert [str(said.message) for said in recwarn if "ray_remote_args" in str(said.message)] == []


@pytest.mark.usefixtures("ray")
def test_workers_that_are_killed_are_replaced_and_every_row_comes_out_once(model: str, tmp_path: Path) -> None:
    rows = make_rows(3000)
    path, out = write_jsonl(tmp_path / "a.jsonl", rows), tmp_path / "out"
    killed: list[int] = []

    def kill_now_and_then(_: int, done: int, total: int) -> None:
        if done < total and len(killed) < 3 and done > 500 * (1 + len(killed)):
            for process in _workers_of_ray()[:1]:
                os.kill(process, signal.SIGKILL)
                killed.append(process)

    settings = JobSettings(shard_rows=50)
    result = score_files(path, out, model=model, settings=settings, workers=WORKERS, progress=kill_now_and_then)
    assert len(set(killed)) == 3
    assert result.n_rows == len(rows)
    check_scored(rows, read_output(out), CrossEncoder(model))


def test_a_job_whose_own_process_is_killed_ten_times_ends_with_every_row_once(
    ray: Any, model: str, tmp_path: Path
) -> None:
    rows, drawn = make_rows(3000), random.Random(0)  # noqa: S311 - moments, no secrets
    path, out = write_jsonl(tmp_path / "a.jsonl", rows), tmp_path / "out"
    address = ray.get_runtime_context().gcs_address
    n_done = 0
    for _ in range(N_KILLS):
        # Behind the first line no worker has begun; behind the others workers go on for a while, with nobody to ask.
        command = [sys.executable, str(SCRIPT), str(path), str(out), model, "20", address, str(drawn.randint(1, 5))]
        job = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own program
        assert job.returncode == -signal.SIGKILL, job.stderr
        before, done, total = map(int, job.stdout.splitlines()[-1].split())
        assert n_done <= before <= done <= total == len(rows), "what was finished stays so"
        n_done = done
    settings = JobSettings(shard_rows=20)
    result = score_files(path, out, model=model, settings=settings, workers=WORKERS)
    assert result.n_shards_before > 0
    check_scored(rows, read_output(out), CrossEncoder(model))
    assert [file.name for file in out.rglob("*.unfinished")] == []


@pytest.mark.filterwarnings("ignore::secondpass.errors.TruncationWarning")  # of so many rows a few are longer
def test_a_shard_that_no_worker_survives_is_named_with_how_often_it_was_tried(
    ray: Any, model: str, tmp_path: Path
) -> None:
    rows = make_rows(40_000)
    path, out = write_jsonl(tmp_path / "a.jsonl", rows), tmp_path / "out"
    command = [sys.executable, "-m", "secondpass", "score", str(path), "-o", str(out), "-m", model]
    command += ["--shard-rows", "20000", "--engine", "ray", "--workers", "1"]
    command += ["--address", ray.get_runtime_context().gcs_address]
    killed: set[int] = set()
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as job:  # noqa: S603 - our own
        while job.poll() is None:
            # A worker that has begun with the shard has put its mark beside the others'.
            if sum(mark.stat().st_size for mark in out.glob("finished/.part-00001.*.unfinished")) > len(killed):
                for process in set(_workers_of_ray()) - killed:
                    os.kill(process, signal.SIGKILL)
                    killed.add(process)
            time.sleep(0.02)
        said = " ".join(job.communicate()[1].split())
    assert job.returncode == 2
    n_first = len(read_output(out))
    assert f"error: part-00001, rows {n_first + 1} to 40000 of {path}, went to 4 workers, and all were killed" in said
    assert re.search("Ray says: Actor(Died|Unavailable)Error", said)
    assert "Traceback" not in said.partition("error: part-00001")[2]  # before it are Ray's own logs
    assert len(killed) == 4
    result = score_files(path, out, model=model, settings=JobSettings(shard_rows=20_000))
    assert (result.n_shards_before, result.n_shards) == (1, 2)
    check_scored(rows, read_output(out), CrossEncoder(model))
    assert [file.name for file in out.rglob("*.unfinished")] == []


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("auto", "Ray says: Could not find any running Ray instance"),
        ("nonsense", "Ray says: Invalid address format"),
        ("http://127.0.0.1", "Ray says: Invalid Ray address"),
        ("127.0.0.1:{closed}", "Nothing listens there: "),
        ("ray://127.0.0.1:{closed}", "Ray says: ray client connection timeout"),
    ],
)
@pytest.mark.parametrize("flag", ["--address", "RAY_ADDRESS"])
def test_an_address_without_a_cluster_is_named(flag: str, address: str, said: str, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="needs the extra ray")
    with socket.socket() as bound:  # and not listening: nobody else can
        bound.bind(("127.0.0.1", 0))
        address = address.format(closed=bound.getsockname()[1])
        write_jsonl(tmp_path / "a.jsonl", make_rows(2))
        command = [sys.executable, "-m", "secondpass", "score", "a.jsonl", "-o", "out", "--engine", "ray"]
        environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
        if flag == "--address":
            command += [flag, address]
        else:
            environment[flag] = address
        job = subprocess.run(  # noqa: S603 - our own
            command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment
        )
    if address == "auto" and "Connecting to existing Ray cluster" in job.stderr:
        pytest.skip("a cluster that is not this test's was found on this machine")
    assert job.returncode == 2, job.stderr
    message = " ".join(job.stderr.split())
    assert f"error: {flag} must be that of a Ray cluster that can be joined, got '{address}'. {said}" in message
    assert "Traceback" not in message
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("ray")
def test_what_a_worker_raises_is_raised_where_the_job_runs(model: str, tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", [*make_rows(30), {"query": "q"}])
    with pytest.raises(InputError, match=r"a\.jsonl:31: must have the column 'document'"):
        score_files(path, tmp_path / "out", model=model, settings=JobSettings(strict=True), workers=WORKERS)
    with pytest.raises(CheckpointNotFoundError, match=r"none"):
        score_files(path, tmp_path / "new", model=str(tmp_path / "none"), workers=WORKERS)
    assert not (tmp_path / "new").exists()
    (tmp_path / "out" / "scores" / "part-00000.jsonl").mkdir()
    with pytest.raises(OSError, match=r"part-00000\.jsonl"):
        score_files(path, tmp_path / "out", model=model, workers=WORKERS)


@pytest.mark.usefixtures("ray")
def test_a_dataset_gets_the_scores_of_predict_and_keeps_its_rows(ray: Any, model: str) -> None:
    rows = make_rows(200)
    bad = {"id": 200, "query": "berlin", "document": None}
    dataset = ray.data.from_items([*rows, bad], override_num_blocks=8)
    options = ModelOptions(long_documents="windows")
    scored = score_dataset(dataset, model=model, options=options, workers=WORKERS, batch_rows=np.int64(16)).take_all()  # type: ignore[arg-type] # as any count may be
    by_id = {row["id"]: row for row in scored}
    assert len(scored) == len(by_id) == 201
    read = CrossEncoder(model, long_documents="windows").read([(row["query"], row["document"]) for row in rows])
    np.testing.assert_allclose([by_id[i]["score"] for i in range(200)], read.scores, atol=1e-6, rtol=0)
    for row, passage in zip(rows, read.passages, strict=True):
        found = by_id[row["id"]]
        assert (found["query"], found["document"], found["error"]) == (row["query"], row["document"], None)
        assert found["passage_end"] == (None if passage is None else passage.end)
    assert (by_id[200]["score"], by_id[200]["error"]) == (None, "document must be a string, is missing")


def test_a_text_of_a_dataset_that_cannot_be_decoded_costs_its_row_alone() -> None:
    pa = pytest.importorskip("pyarrow")
    values = pa.array([b"caf\xe9", b"d"])
    table = pa.table({"query": ["q", "q"], "text": pa.Array.from_buffers(pa.string(), 2, values.buffers())})
    scored = TableScorer(BatchScorer(scorer=Scores()), "query", "text")(table).drop_columns(["text"]).to_pylist()
    assert [row["error"] for row in scored] == ["must be UTF-8 text", None]
    assert [row["score"] for row in scored] == [None, true_score("q", "d")]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "the actor died\n  in its creation task\nModuleNotFoundError: no x\n",
            "the actor died … ModuleNotFoundError: no x",
        ),
        ("the node is gone", "the node is gone"),
        ("", ""),
    ],
)
def test_what_ray_says_last_is_told_as_well(said: str, told: str) -> None:
    exceptions = pytest.importorskip("ray.exceptions", reason="needs the extra ray")
    with pytest.raises(ScoringError) as caught, in_our_words(lambda text: f"so: {text}"):
        raise exceptions.RayError(said)
    assert str(caught.value) == f"so: RayError: {told}"


def test_mistakes_are_named() -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"least": 0}, "least must be at least 1, got 0"),
        ({"least": 3, "most": 2}, "most must be at least 3, which is the least, got 2"),
        ({"gpus": -1}, "gpus must be at least 0, got -1"),
        ({"gpus": True}, "gpus must be a number or None, got bool True"),
        ({"address": 3}, "address must be text or None, got int 3"),
    ]
    for arguments, message in wrong:
        with pytest.raises(InputError, match=message):
            RayWorkers(**arguments)
    with pytest.raises(InputError, match=r"dataset must be a Dataset of ray\.data, got list"):
        score_dataset([], model="secondpass/mini")  # type: ignore[arg-type] # what the check is for
