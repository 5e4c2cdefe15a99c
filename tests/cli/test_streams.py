"""Commands whose standard streams are closed, full or without a reader: a status and one line, never a traceback."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import checkpoints
import pytest

from secondpass.errors import InputError

pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")

FULL = "No space left on device"
QUICK = ("models",)
LONG = [pytest.param(name, marks=pytest.mark.slow) for name in ("demo", "eval", "calibrate", "train", "bench")]


def run(
    arguments: tuple[str, ...], redirection: str, environment: dict[str, str] | None = None, limit: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command in a shell that redirects it; standard output and error come back where they still can."""
    line = f'{limit} exec "$0" -m secondpass "$@" {redirection}'
    return subprocess.run(  # noqa: S603 - our own command
        ["/bin/sh", "-c", line, sys.executable, *arguments],
        env=os.environ | (environment or {}),
        capture_output=True,
        text=True,
        check=False,
    )


def _collection(folder: Path) -> Path:
    folder.mkdir()
    (folder / "corpus.jsonl").write_text('{"_id": "a", "text": "the cat"}\n{"_id": "b", "text": "a dog"}\n')
    (folder / "queries.jsonl").write_text('{"_id": "1", "text": "cat"}\n')
    (folder / "qrels.trec").write_text("1 0 a 1\n")
    return folder


def _judged(folder: Path) -> Path:
    """Of three queries, each with one relevant document of two."""
    _collection(folder)
    (folder / "corpus.jsonl").write_text(
        "".join(f'{{"_id": "{i}", "text": "a cat of kind {i % 3}"}}\n' for i in range(6))
    )
    (folder / "queries.jsonl").write_text("".join(f'{{"_id": "{i}", "text": "cat kind {i}"}}\n' for i in range(3)))
    (folder / "qrels.trec").write_text("".join(f"{i} 0 {i} 1\n" for i in range(3)))
    return folder


def _training(folder: Path, model: Path) -> Path:
    (folder / "train.jsonl").write_text('{"query": "cat", "positive": ["the cat"], "negative": ["a dog"]}\n')
    (folder / "run.toml").write_text(
        f'[model]\nbase = "{model}"\nmax_length = 32\n[data]\ntrain = ["train.jsonl"]\n'
        '[run]\nloss = "listwise"\noutput = "trained"\nsteps = 1\nevaluate_every = 1\n'
    )
    return folder / "run.toml"


def _pairs(file: Path) -> Path:
    file.write_text('{"query": "cat", "document": "the cat"}\n{"query": "cat", "document": "a dog"}\n')
    return file


@pytest.fixture
def commands(tmp_path: Path) -> dict[str, tuple[str, ...]]:
    """Every command, with little to do."""
    model = checkpoints.bert(tmp_path / "model")
    (tmp_path / "a.txt").write_text("a cat\na dog\n")
    return {
        "models": QUICK,
        "rank": ("rank", "cat", str(tmp_path / "a.txt"), "-m", str(model)),
        "demo": ("demo", "-m", str(model), "--depth", "2"),
        "eval": ("eval", str(_collection(tmp_path / "set")), "-m", str(model)),
        "calibrate": ("calibrate", str(_judged(tmp_path / "judged")), "-m", str(model)),
        "train": ("train", str(_training(tmp_path, model))),
        "score": ("score", str(_pairs(tmp_path / "pairs.jsonl")), "-o", str(tmp_path / "scored"), "-m", str(model)),
        "bench": ("bench", "--tiny", "-w", "latency-10", "--repeats", "1", "-c", "secondpass float32"),
    }


def test_every_command_is_tried(commands: dict[str, tuple[str, ...]]) -> None:
    from secondpass.cli.app import SUMMARIES

    assert set(SUMMARIES) == {*commands, "serve"}  # which writes no result


@pytest.mark.parametrize("name", ["models", "rank", "score", *LONG])
def test_a_full_disk_is_an_error_of_one_line(name: str, commands: dict[str, tuple[str, ...]]) -> None:
    done = run(commands[name], ">/dev/full")
    last = done.stderr.splitlines()[-1]
    assert (done.returncode, last) == (1, f"error: standard output: {FULL}")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "redirection"),
    [
        ("rank", "2>&-"),
        ("rank", "2>/dev/full"),
        pytest.param("bench", "2>&-", marks=pytest.mark.slow),
        pytest.param("train", "2>&-", marks=pytest.mark.slow),
    ],
)
def test_a_useless_standard_error_changes_nothing(
    name: str, redirection: str, commands: dict[str, tuple[str, ...]]
) -> None:
    done = run(commands[name], redirection)
    assert done.returncode == 0
    assert json.loads(done.stdout)


@pytest.mark.parametrize("arguments", [QUICK, (*QUICK, "--format", "table"), ("--help",), ("rank", "--help")])
def test_a_reader_that_leaves_ends_a_command_quietly(arguments: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "secondpass", *arguments]
    try:
        done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)  # noqa: S603
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize("arguments", [QUICK, ("--help",), ("models", "--help"), ("--version",)])
def test_help_and_version_are_written_or_an_error(arguments: tuple[str, ...]) -> None:
    full = run(arguments, ">/dev/full")
    assert (full.returncode, full.stderr) == (1, f"error: standard output: {FULL}\n")
    closed = run(arguments, ">&-")
    assert (closed.returncode, closed.stderr) == (
        1,
        "error: standard output is closed: send it somewhere, such as >/dev/null\n",
    )


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full", ">/dev/full", "<&-"])
def test_a_mistake_keeps_its_status(redirection: str) -> None:
    done = run(("rank", "q", "no-such-file"), redirection)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_closed_standard_input_is_a_mistake() -> None:
    done = run(("rank", "q"), "<&-")
    assert (done.returncode, done.stderr) == (2, "error: standard input is closed: name files to read\n")


@pytest.mark.parametrize(("name", "file"), [("eval", "report.json"), ("eval", "model.trec"), ("bench", "results.json")])
def test_a_disk_that_fills_up_later_names_the_file(
    name: str, file: str, commands: dict[str, tuple[str, ...]], tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    out = tmp_path / "out"
    out.mkdir()
    named = f"{tmp_path.name}--{file}" if file.startswith("model") else file
    (out / named).symlink_to("/dev/full")
    done = run((*commands[name], "-o", str(out)), "")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"error: {out / named}: {FULL}"
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["eval", "train", "bench"])
def test_a_disk_that_takes_nothing_is_an_error_of_one_line(
    name: str, commands: dict[str, tuple[str, ...]], tmp_path: Path
) -> None:
    output = () if name == "train" else ("-o", str(tmp_path / "out"))
    done = run((*commands[name], *output), "", limit="ulimit -f 8;")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert re.search(r"^error: .*File too large$", done.stderr, re.MULTILINE)


def test_a_table_can_be_written_in_any_encoding(commands: dict[str, tuple[str, ...]], tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Köln → Łódź\n", encoding="utf-8")
    done = run((*commands["rank"], "--format", "table"), "", {"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (0, "")
    assert "K?ln" in done.stdout


def test_an_error_is_nothing_that_a_terminal_obeys(capsys: pytest.CaptureFixture[str]) -> None:
    from secondpass.cli.streams import run as run_command

    def command() -> None:
        raise InputError("no file \x1b[2J\udce9")

    assert run_command(command, str) != 0
    assert capsys.readouterr().err == "error: no file \\x1b[2J\\udce9\n"


@pytest.mark.parametrize("error", [KeyboardInterrupt, lambda: OSError("of a library")])
def test_interrupts_have_a_status_and_other_errors_show_whole(error: Callable[[], BaseException]) -> None:
    from secondpass.cli.streams import INTERRUPTED
    from secondpass.cli.streams import run as run_command

    def command() -> None:
        raise error()

    if isinstance(error(), KeyboardInterrupt):
        assert run_command(command, str) == INTERRUPTED
    else:
        with pytest.raises(OSError, match="of a library"):
            run_command(command, str)
