"""Input files that change or go away: a job's scores are of what it found when it began."""

import os
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from job_rows import make_rows, write_jsonl
from scorers import Scores

from secondpass.errors import InputError
from secondpass.jobs import JobSettings, score_files
from secondpass.jobs.planning.plan import divide_job, find_job

ROWS = make_rows(60)


class _Acts(Scores):
    """Does something before it scores the first document."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__()
        self._act = act

    def score(self, query: str, documents: Sequence[str]) -> Any:
        if not self.asked:
            self._act()
        return super().score(query, documents)


@pytest.mark.parametrize("rows", [ROWS[20:45], ROWS[39:19:-1]], ids=["more rows", "of the same size"])
def test_a_file_that_is_replaced_before_its_turn_ends_the_job(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    first, second = write_jsonl(tmp_path / "a.jsonl", ROWS[:20]), write_jsonl(tmp_path / "b.jsonl", ROWS[20:40])
    os.utime(second, (0, 0))  # long ago, however coarse the clock of the files is
    away = tmp_path / "away"

    def replace_second() -> None:
        second.rename(away)
        write_jsonl(second, rows)

    with pytest.raises(InputError, match=r"b\.jsonl has changed since the job began"):
        score_files([first, second], tmp_path / "out", scorer=_Acts(replace_second))
    assert [path.name for path in (tmp_path / "out" / "scores").iterdir()] == ["part-00000.jsonl"]
    away.rename(second)
    result = score_files([first, second], tmp_path / "out", scorer=Scores())
    assert (result.n_rows, result.n_bad, result.n_shards_before) == (40, 0, 1)


def test_a_file_that_is_replaced_while_it_is_scored_has_no_shard(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", ROWS[:20])
    with pytest.raises(InputError, match=r"a\.jsonl has changed since the job began"):
        score_files(path, tmp_path / "out", scorer=_Acts(lambda: write_jsonl(path, ROWS[:25])))
    assert list((tmp_path / "out" / "scores").iterdir()) == []


def test_a_file_of_the_same_content_is_the_same_file(tmp_path: Path) -> None:
    files = [write_jsonl(tmp_path / f"{name}.jsonl", ROWS) for name in "ab"]

    def write_again() -> None:
        for file in files:
            os.utime(file, ns=(0, 0))

    assert score_files(files, tmp_path / "out", scorer=_Acts(write_again)).n_rows == 120


def test_a_file_that_is_replaced_while_it_is_divided_leaves_no_manifest(tmp_path: Path) -> None:
    path, out = write_jsonl(tmp_path / "a.jsonl", ROWS[:20]), tmp_path / "out"

    class Replaces(JobSettings):
        """Asked for what the manifest says of it, which is after the files' digests are known."""

        def as_json(self) -> dict[str, object]:
            write_jsonl(path, ROWS[:10])
            return super().as_json()

    with pytest.raises(InputError, match=r"a\.jsonl has changed since the job began"):
        score_files(path, out, scorer=Scores(), settings=Replaces())
    assert not out.exists()


def test_texts_of_a_run_that_are_replaced_before_they_are_read_are_refused(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "queries.jsonl", [{"_id": "q", "text": "q"}])
    corpus = write_jsonl(tmp_path / "corpus.jsonl", [{"_id": "d", "text": "one"}])
    (tmp_path / "a.trec").write_text("q Q0 d 1 0.5 first\n")
    job, _ = divide_job(find_job([tmp_path / "a.trec"], tmp_path / "out", JobSettings(), windows=False, tag="t")[0], {})
    there = pickle.loads(pickle.dumps(job))  # noqa: S301 - as it gets to a worker
    write_jsonl(corpus, [{"_id": "d", "text": "three"}])
    with pytest.raises(InputError, match=r"corpus\.jsonl has changed since the job began"):
        there.open(0)
    job.open(0)  # which has the texts already


def test_a_file_that_cannot_be_read_when_the_job_goes_on_is_not_said_to_have_changed(tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    path = write_jsonl(folder / "a.jsonl", ROWS)
    assert score_files(folder, out, scorer=Scores()).n_rows == 60
    path.rename(tmp_path / "away")
    path.symlink_to("nowhere")
    with pytest.raises(InputError, match=rf"^{path} cannot be read: No such file or directory$"):
        score_files(folder, out, scorer=Scores())
    (tmp_path / "away").rename(path)
    assert score_files(folder, out, scorer=Scores()).n_shards_before == 1
