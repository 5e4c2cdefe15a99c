"""Warnings on the command line: in its form and words, once, and without a trace in the process."""

import subprocess
import sys
import warnings
from pathlib import Path

import checkpoints
import pytest

from secondpass.cli.notices import warnings_in_lines


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "secondpass", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own


def test_a_warning_while_loading_is_one_line_in_flags(tmp_path: Path) -> None:
    model = checkpoints.bert(tmp_path / "model", n_labels=2)
    (tmp_path / "a.txt").write_text("a cat\na dog\n")
    assert run("rank", "cat", tmp_path / "a.txt", "-m", model).stderr == (
        f"warning: {model} has 2 labels (LABEL_0, LABEL_1) and does not say which one means relevant: taking label 1; "
        "pass --label to choose\n"
    )


def test_a_warning_about_data_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text('{"_id": "a", "text": "the cat"}\n{"_id": "b", "text": "a dog"}\n')
    (tmp_path / "queries.jsonl").write_text('{"_id": "1", "text": "cat"}\n')
    (tmp_path / "qrels.trec").write_text("1 0 a 1\n2 0 b 1\n")
    done = run("eval", tmp_path, "-m", checkpoints.bert(tmp_path / "model"))
    assert done.stderr == "warning: judged queries without text are not measured: 1 of 2, such as '2'\n"


def test_each_text_is_shown_once_and_python_shows_warnings_as_before(capsys: pytest.CaptureFixture[str]) -> None:
    before = warnings.showwarning
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        with warnings_in_lines(str.upper):
            for text in ("first\n line", "first line", "second"):
                warnings.warn(text, UserWarning, stacklevel=1)
        assert warnings.showwarning is before
    assert capsys.readouterr().err == "warning: FIRST LINE\nwarning: SECOND\n"


def test_a_warning_is_nothing_that_a_terminal_obeys(capsys: pytest.CaptureFixture[str]) -> None:
    with warnings_in_lines(str):
        warnings.simplefilter("always")
        warnings.warn("a file \x1b[2J\udce9", UserWarning, stacklevel=1)
    assert capsys.readouterr().err == "warning: a file \\x1b[2J\\udce9\n"
