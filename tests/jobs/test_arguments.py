"""Mistakes in the arguments of a job are named in the caller's words, before anything is loaded or written."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkpoints import bert
from job_rows import make_rows, write_jsonl
from scorers import Scores

from secondpass.errors import InputError, InputTypeError
from secondpass.jobs import BatchScorer, JobSettings, RayWorkers, score_files

RUN = "1 Q0 a 1 0.5 first\n"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"shard_rows": 0}, "shard_rows must be at least 1, got 0"),
        ({"output_format": "xlsx"}, 'output_format must be one of "parquet", "jsonl", "trec" or None, got \'xlsx\''),
        ({"query_column": ""}, "query_column must be a column's name, got an empty one"),
        ({"query_column": "a", "document_column": "a"}, "must be two columns, got 'a' twice"),
        ({"strict": "no"}, "strict must be True or False, got str 'no'"),
        ({"keep_texts": None}, "keep_texts must be True or False, got NoneType None"),
        ({"queries": 1}, "queries must be a path or None, got int 1"),
        ({"corpus": ""}, 'corpus must be a path, got ""'),
        ({"corpus": "c.jsonl"}, "queries and corpus must come with a TREC run, got"),
        ({"output_format": "trec", "result_prefix": "new_"}, "result_prefix must be left out of a TREC run, .*'new_'"),
    ],
)
def test_settings_that_break_a_rule_are_named(settings: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", make_rows(5))
    with pytest.raises(InputError, match=message):
        score_files(path, tmp_path / "out", model="./none", settings=JobSettings(**settings))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"inputs": b"a.jsonl"}, InputTypeError, "inputs must be a path or a list of paths, got bytes b'a.jsonl'"),
        ({"inputs": (name for name in "a")}, InputTypeError, "inputs must be a path or a list of paths, got generator"),
        ({"inputs": None}, InputTypeError, "inputs must be a path or a list of paths, got NoneType"),
        ({"inputs": ["a.jsonl", 1]}, InputTypeError, r"inputs\[1\] must be a path, got int 1"),
        ({"inputs": ""}, InputError, 'inputs must be a path, got ""'),
        ({"inputs": ["a.jsonl", ""]}, InputError, r'inputs\[1\] must be a path, got ""'),
        ({"output": None}, InputTypeError, "output must be a path, got NoneType"),
        ({"output": ""}, InputError, 'output must be a path, got ""'),
        ({"settings": {"strict": True}}, InputTypeError, "settings must be JobSettings or None, got dict"),
        ({"options": {"dtype": "int8"}}, InputTypeError, "options must be ModelOptions or None, got dict"),
        ({"workers": 2}, InputTypeError, "workers must be RayWorkers or None, got int 2"),
        ({"scorer": None, "model": 1}, InputTypeError, "model must be a name, got int 1"),
    ],
)
def test_what_is_no_such_argument_is_named(
    arguments: dict[str, Any], error: type[Exception], message: str, tmp_path: Path
) -> None:
    write_jsonl(tmp_path / "a.jsonl", make_rows(5))
    given = {"inputs": tmp_path / "a.jsonl", "output": tmp_path / "out", "scorer": Scores(), **arguments}
    with pytest.raises(error, match=message):
        score_files(given.pop("inputs"), given.pop("output"), **given)
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


def test_counts_may_be_integers_of_numpy(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", [{"query": str(number), "document": "d"} for number in range(4)])
    settings = JobSettings(shard_rows=np.int64(2))  # type: ignore[arg-type] # which is taken all the same
    assert score_files(path, tmp_path / "out", scorer=Scores(), settings=settings).n_shards == 2
    workers = RayWorkers(least=np.int64(1), most=np.int32(2), cpus=np.int64(1))  # type: ignore[arg-type] # likewise
    assert [type(count) for count in (workers.least, workers.most, workers.cpus)] == [int] * 3


def test_a_batch_scorer_takes_no_other_options() -> None:
    with pytest.raises(InputTypeError, match="options must be ModelOptions or None, got dict"):
        BatchScorer("secondpass/mini", options={})  # type: ignore[arg-type] # that is the mistake


@pytest.mark.parametrize("name", ["query_column", "document_column", "query_id_column", "document_id_column"])
def test_a_run_has_no_names_of_columns(name: str, tmp_path: Path) -> None:
    (tmp_path / "a.trec").write_text(RUN)
    with pytest.raises(InputError, match=f"^{name} must be left out for a TREC run, whose columns have no names"):
        score_files(tmp_path / "a.trec", tmp_path / "out", scorer=Scores(), settings=JobSettings(**{name: "other"}))  # type: ignore[arg-type] # names of columns are text


def test_paths_may_be_text(tmp_path: Path) -> None:
    (tmp_path / "a.trec").write_text(RUN)
    settings = JobSettings(
        queries=str(write_jsonl(tmp_path / "q.jsonl", [{"_id": "1", "text": "q"}])),
        corpus=str(write_jsonl(tmp_path / "d.jsonl", [{"_id": "a", "text": "d"}])),
    )
    result = score_files(str(tmp_path / "a.trec"), str(tmp_path / "out"), scorer=Scores(), settings=settings)
    assert result.n_rows == 1


def test_a_model_may_be_a_path(tmp_path: Path) -> None:
    model = bert(tmp_path / "model", max_length=16)
    path = write_jsonl(tmp_path / "a.jsonl", make_rows(2))
    assert score_files(path, tmp_path / "out", model=model).n_rows == 2
    assert BatchScorer(model).score_columns(["q"], ["d"])["error"].tolist() == [""]


@pytest.mark.parametrize("name", ["link", "link/out", "file", "file/out"])
def test_an_output_that_can_be_no_folder_is_named(name: str, tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", make_rows(2))
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="output must be a folder, "):
        score_files(path, tmp_path / name, scorer=Scores())
