"""`secondpass score` as people call it."""

import json
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkpoints import bert
from fake_service import running
from job_rows import check_scored, errors_of, make_rows, read_output, write_jsonl
from serving import app_of, close_all
from typer.testing import CliRunner, Result

from secondpass import CrossEncoder
from secondpass.cli.app import app
from secondpass.errors import InputError
from secondpass.service import load_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(bert(tmp_path_factory.mktemp("model"), max_length=32))


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["score", *map(str, arguments)], catch_exceptions=False)


def run_in_a_process(*arguments: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "secondpass", "score", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)  # noqa: S603 - our own program


def test_a_job_says_what_it_did_and_what_it_did_not(model: str, tmp_path: Path) -> None:
    rows = make_rows(120)
    rows[3]["document"] = "people " * 60
    path = write_jsonl(tmp_path / "a.jsonl", [*rows, {"query": "q"}, *rows[:1]])
    out = tmp_path / "out"
    result = invoke(path, "-o", out, "-m", model, "--shard-rows", 500)
    content = json.loads(result.stdout)
    assert (content["n_rows"], content["n_bad"], content["n_truncated"], content["n_scattered"]) == (121, 1, 1, 1)
    assert result.stderr.splitlines() == [
        f"warning: 1 row and 0 files could not be scored: {out / 'errors.jsonl'} says why",
        "warning: 1 of 121 rows truncated; --long-documents windows reads all",
        (
            "warning: 1 time a query came back after rows of others: ranks count rows that stand together, so sort the "
            "input by query"
        ),
    ]
    table = invoke(path, "-o", out, "-m", model, "--shard-rows", 500, "--format", "markdown").stdout
    assert "1 shard, 1 of them finished before" in table
    assert "| rows scored | 121 |" in table


def test_a_service_scores_as_well(tmp_path: Path) -> None:
    rows = make_rows(30)
    path = write_jsonl(tmp_path / "a.jsonl", rows)
    with running(app_of(load_model("secondpass/mini"))) as url:
        invoke(path, "-o", tmp_path / "out", "-m", url, "--activation", "identity")
        scored = read_output(tmp_path / "out")
        assert (
            json.loads(invoke(path, "-o", tmp_path / "out", "-m", url, "--activation", "identity").stdout)[
                "n_shards_before"
            ]
            == 1
        )
    close_all()
    check_scored(rows, scored, CrossEncoder("secondpass/mini"), atol=1e-5)  # other batches, query by query
    assert {row["truncated"] for row in scored} == {False}


def test_windows_are_named_where_they_would_read_more(model: str, tmp_path: Path) -> None:
    long = "people " * 400
    documents = write_jsonl(tmp_path / "a.jsonl", [{"query": "q", "document": long}])
    queries = write_jsonl(tmp_path / "b.jsonl", [{"query": long, "document": "d"}])

    def said(path: Path, *arguments: str) -> str:
        return invoke(path, "-o", tmp_path / f"{len(list(tmp_path.iterdir()))}", *arguments).stderr

    assert said(documents, "-m", model) == "warning: 1 of 1 row truncated; --long-documents windows reads all\n"
    in_windows = said(queries, "-m", model, "--long-documents", "windows", "--window-overlap", "1")
    assert in_windows == "warning: the query was truncated in 1 of 1 row\n"
    with running(app_of(load_model("secondpass/mini"))) as url:
        assert said(documents, "-m", url) == "warning: 1 of 1 row truncated to fit the service's limit\n"
    close_all()


def test_columns_have_the_names_that_options_give(model: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("qid,question,passage,score\n7,berlin,the wall,0.5\n")
    invoke(
        tmp_path / "a.csv", "-o", tmp_path / "out", "-m", model, "--query-column", "question", "--document-column",
        "passage", "--query-id-column", "qid", "--result-prefix", "new_", "--without-texts",
    )  # fmt: skip
    (row,) = read_output(tmp_path / "out")
    np.testing.assert_allclose(row.pop("new_score"), CrossEncoder(model).score("berlin", ["the wall"]), atol=1e-6)
    assert row == {"qid": "7", "score": "0.5", "new_rank": 1, "new_truncated": False}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--workers", "2"], "--workers must come with --engine ray"),
        *(
            (["--engine", "ray", "--workers", value], f"--workers must be a number of at least 1, .*, got '{value}'")
            for value in ("two", "0", "0:2", "8:2", "2:", ":2", "-1", "2:3:4", "٢")
        ),
        (["--shard-rows", "0"], "shard_rows must be at least 1, got 0"),
    ],
)
def test_mistakes_are_told_before_any_work(arguments: list[str], message: str, tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", make_rows(3))
    with pytest.raises(InputError, match=message):
        invoke(path, "-o", tmp_path / "out", "-m", "./none", *arguments)


def test_without_pyarrow_parquet_says_what_to_install_and_text_is_scored(model: str, tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", make_rows(3))
    program = "import sys; sys.modules['pyarrow'] = None; from secondpass.cli import main; main()"

    def run(*arguments: Any) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", program, "score", str(path), "-m", model, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own program

    done = run("-o", tmp_path / "out", "--output-format", "parquet")
    assert (done.returncode, done.stderr) == (
        2,
        (
            'error: reading and writing Parquet needs an optional dependency: pip install "secondpass[jobs]", or in a '
            'checkout pip install ".[jobs]"\n'
        ),
    )
    assert run("-o", tmp_path / "text").returncode == 0


def test_input_of_which_nothing_can_be_scored_is_a_mistake(model: str, tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [{"query": "q", "text": "d"}] * 2)
    done = run_in_a_process("a.jsonl", "-o", "out", "-m", model, cwd=tmp_path)
    assert done.returncode == 2
    assert json.loads(done.stdout)["n_bad"] == 2
    said = "error: INPUTS must hold rows that can be scored, got none among 2: out/errors.jsonl says why"
    which = "--query-column and --document-column say which columns are read"
    assert done.stderr.splitlines()[-1] == f"{said}, and {which}"
    error = "must have the column 'document', has query, text: document_column says which one is read"
    assert {row["error"] for row in errors_of(tmp_path / "out")} == {error}


def test_where_a_run_is_to_be_written_the_columns_of_ids_are_told_too(model: str, tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", [{"query": "q", "document": "d"}])
    columns = "--query-column, --document-column, --query-id-column and --document-id-column"
    with pytest.raises(InputError, match=f"{columns} say which columns are read$"):
        invoke(path, "-o", tmp_path / "out", "-m", model, "--output-format", "trec")


def test_where_the_input_is_a_run_the_files_of_its_texts_are_told(model: str, tmp_path: Path) -> None:
    write_jsonl(tmp_path / "queries.jsonl", [{"_id": "q", "text": "berlin"}])
    write_jsonl(tmp_path / "corpus.jsonl", [{"_id": "d", "text": "the wall"}])
    (tmp_path / "a.trec").write_text("q Q0 another 1 0.5 first\n")
    errors = tmp_path / "out" / "errors.jsonl"
    with pytest.raises(InputError, match=f"{errors} says why, and --queries and --corpus say which files"):
        invoke(tmp_path, "-o", tmp_path / "out", "-m", model)


@pytest.mark.filterwarnings("ignore::secondpass.errors.TruncationWarning")  # of so many rows a few are longer
def test_an_interruption_says_nothing_and_the_job_goes_on(model: str, tmp_path: Path) -> None:
    rows = make_rows(20_000)
    path, out = write_jsonl(tmp_path / "a.jsonl", rows), tmp_path / "out"
    arguments = [str(path), "-o", str(out), "-m", model, "--shard-rows", "1000"]
    command = [sys.executable, "-m", "secondpass", "score", *arguments]
    listen = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # tests run in the background have it ignored
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=listen) as job:  # noqa: PLW1509, S603 - our own program, and no threads here
        while job.poll() is None and not list(out.glob("finished/*.json")):
            time.sleep(0.01)
        job.send_signal(signal.SIGINT)
        said = job.communicate()[1]
    assert (job.returncode, said) == (130, "")
    content = json.loads(run_in_a_process(*arguments, cwd=tmp_path).stdout)
    assert 0 < content["n_shards_before"] < content["n_shards"]
    check_scored(rows, read_output(out), CrossEncoder(model))
