"""Which shards count as finished: those whose files are all there, as this job wrote them."""

import json
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from checkpoints import edit_json
from job_rows import make_rows, read_output, write_jsonl
from scorers import Scores

from secondpass.errors import InputError
from secondpass.jobs import JobSettings, score_files
from secondpass.jobs.planning.job import Job
from secondpass.jobs.planning.manifest import InputState, Manifest, check_current
from secondpass.jobs.planning.plan import find_job
from secondpass.jobs.running.engine import LocalEngine
from secondpass.jobs.score_files import run_job
from secondpass.jobs.settings import OutputFormat
from secondpass.jobs.shards import Shard
from secondpass.jobs.writing.shard_record import ShardRecord
from secondpass.options import ModelOptions

ROWS = [{**row, "query_id": row["query"].split()[-1], "document_id": row["id"]} for row in make_rows(60)]


class _Acts(Scores):
    """Does something before it scores a document of the last row."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__()
        self._act = act

    def score(self, query: str, documents: Sequence[str]) -> Any:
        if query == ROWS[-1]["query"]:
            self._act()
        return super().score(query, documents)


def test_a_job_of_another_version_is_refused(tmp_path: Path) -> None:
    path, out = write_jsonl(tmp_path / "a.jsonl", ROWS), tmp_path / "out"
    score_files(path, out, scorer=Scores())
    # What version 1 said of a shard.
    record: dict[str, Any] = {
        "number": 0,
        "n_rows": 60,
        "n_truncated": None,
        "n_unranked": 0,
        "n_scattered": 0,
        "bad": [],
    }
    (out / "finished" / "part-00000.json").write_text(json.dumps({**record, "n_bytes": 1, "seconds": 0.1}))
    edit_json(out / "manifest.json", version=1)
    with pytest.raises(InputError, match=r"manifest\.json was written by another version of secondpass"):
        score_files(path, out, scorer=Scores())


class _LeavesOut(LocalEngine):
    """Forgets the first shard."""

    def score(self, job: Job, shards: Sequence[Shard], on_rows: Callable[[int], object]) -> Iterator[ShardRecord]:
        return super().score(job, shards[1:], on_rows)


def test_a_job_of_which_an_engine_left_out_a_shard_is_not_done(tmp_path: Path) -> None:
    path, out = write_jsonl(tmp_path / "a.jsonl", ROWS), tmp_path / "out"
    job, _ = find_job([path], out, JobSettings(shard_rows=20), windows=False, tag="t")
    with pytest.raises(OSError, match="part-00000") as raised:
        run_job(job, _LeavesOut(None, Scores(), ModelOptions()), [], None)
    assert raised.value.filename == str(out / "scores" / "part-00000.jsonl")
    assert not (out / "errors.jsonl").exists()


@pytest.mark.parametrize("output_format", ["jsonl", "trec"])
@pytest.mark.parametrize("name", ["scores/part-00000.jsonl", "finished/part-00000.json"])
def test_a_shard_that_goes_away_while_others_are_scored_is_named_and_done_again(
    name: str, output_format: OutputFormat, tmp_path: Path
) -> None:
    path, out = write_jsonl(tmp_path / "a.jsonl", ROWS), tmp_path / "out"
    settings = JobSettings(shard_rows=20, output_format=output_format)
    with pytest.raises(OSError, match="must stay as they were written until the job is done") as raised:
        score_files(path, out, scorer=_Acts(lambda: (out / name).unlink(missing_ok=True)), settings=settings)
    assert raised.value.filename == str(out / "scores" / "part-00000.jsonl")
    assert not (out / "run.trec").exists()
    result = score_files(path, out, scorer=Scores(), settings=settings)
    assert (result.n_rows, result.n_shards - result.n_shards_before) == (60, 1)
    assert len(read_output(out)) == 60


def test_a_record_of_another_job_finishes_no_shard(tmp_path: Path) -> None:
    path, out = write_jsonl(tmp_path / "a.jsonl", ROWS), tmp_path / "out"
    score_files(path, out, scorer=Scores())
    record = out / "finished" / "part-00000.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "job": "0" * 32}))
    assert score_files(path, out, scorer=Scores()).n_shards_before == 0
    assert score_files(path, out, scorer=Scores()).n_shards_before == 1


def test_a_worker_of_a_job_whose_folder_is_anothers_now_writes_nothing(tmp_path: Path) -> None:
    path, out = write_jsonl(tmp_path / "a.jsonl", ROWS), tmp_path / "out"

    def begin_another() -> None:
        edit_json(out / "manifest.json", job="0" * 32)

    with pytest.raises(InputError, match="must be this job's until it is done"):
        score_files(path, out, scorer=_Acts(begin_another))
    assert [file for name in ("scores", "finished") for file in (out / name).iterdir()] == []


def test_what_is_asked_at_the_end_of_each_shard_does_not_grow_with_their_number(tmp_path: Path) -> None:
    inputs = [InputState(f"{number}.jsonl", "0" * 64) for number in range(10_000)]
    Manifest("1" * 32, {}, {}, inputs, ()).write(tmp_path)
    tracemalloc.start()
    check_current(tmp_path, "1" * 32)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50_000 < (tmp_path / "manifest.json").stat().st_size
    with pytest.raises(InputError, match="must be this job's until it is done"):
        check_current(tmp_path, "0" * 32)


def test_strict_stops_at_a_bad_row_of_a_shard_that_was_finished_before(tmp_path: Path) -> None:
    path, out = write_jsonl(tmp_path / "a.jsonl", [*ROWS[:5], {"query": "q"}, *ROWS[5:]]), tmp_path / "out"
    assert score_files(path, out, scorer=Scores()).n_bad == 1
    scorer = Scores()
    with pytest.raises(InputError, match=r"a\.jsonl:6: must have the column 'document'"):
        score_files(path, out, scorer=scorer, settings=JobSettings(strict=True))
    assert scorer.asked == []


@pytest.mark.parametrize("content", [b"", b"{", b"\0\0", b"\xff", b"null", b"[]", b'{"job": 1}'])
@pytest.mark.parametrize("name", ["part-00000.json", "part-00000.errors.jsonl"])
def test_a_shard_whose_record_is_damaged_is_done_again(name: str, content: bytes, tmp_path: Path) -> None:
    path, out = write_jsonl(tmp_path / "a.jsonl", [*ROWS, {"query": "q"}]), tmp_path / "out"
    score_files(path, out, scorer=Scores())
    (out / "finished" / name).write_bytes(content)
    result = score_files(path, out, scorer=Scores())
    assert (result.n_rows, result.n_bad, result.n_shards_before) == (60, 1, 0)
    assert score_files(path, out, scorer=Scores()).n_shards_before == 1


@pytest.mark.parametrize("content", [None, b"", b"1234567"])
def test_a_shard_whose_list_of_queries_is_damaged_is_done_again(content: bytes | None, tmp_path: Path) -> None:
    path, out = write_jsonl(tmp_path / "a.jsonl", make_rows(60)), tmp_path / "out"
    expected = score_files(path, out, scorer=Scores())
    (queries,) = (out / "finished").glob("*.queries")
    if content is None:
        queries.unlink()
    else:
        queries.write_bytes(content)
    result = score_files(path, out, scorer=Scores())
    assert (result.n_shards_before, result.n_scattered) == (0, expected.n_scattered)
    assert score_files(path, out, scorer=Scores()).n_shards_before == 1
