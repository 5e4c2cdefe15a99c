"""What README and docs show is true: Python runs and prints what they say, and commands have the options they use."""

import ast
import io
import re
import shlex
import warnings
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path

import pytest
from pages import Block, blocks, name, pages
from shared import ROOT

# The frameworks' own, as they are imported.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

WITH_PYTHON = [page for page in pages() if any(block.is_run for block in blocks(page, "python"))]
# Blocks that need a network, a GPU, a cluster or a library that nothing here installs.
MOST_NOT_RUN = 6


def _parameters(paths: list[Path]) -> list[object]:
    """Pages as parameters: docs are part of the source tree alone."""
    return [pytest.param(p, id=name(p), marks=[] if p.parent == ROOT else [pytest.mark.source]) for p in paths]


@pytest.mark.parametrize("page", _parameters(WITH_PYTHON))
def test_blocks_run_in_order_and_print_what_the_page_says(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    telemetry = pytest.importorskip("haystack.telemetry._telemetry")
    monkeypatch.setattr(telemetry, "telemetry", None)  # a pipeline that runs would report its use
    namespace: dict[str, object] = {}
    for block in blocks(page, "python"):
        if not block.is_run:
            continue
        printed = io.StringIO()
        with redirect_stdout(printed):
            exec(compile(block.text, f"{name(page)}:{block.line}", "exec"), namespace)  # noqa: S102 - our own text
        if block.output is not None:
            assert printed.getvalue() == block.output, f"{name(page)}:{block.line}"


@pytest.mark.source
def test_few_blocks_do_not_run_and_those_are_python() -> None:
    not_run = [(page, block) for page in pages() for block in blocks(page, "python") if not block.is_run]
    assert len(not_run) <= MOST_NOT_RUN
    for page, block in not_run:
        compile(block.text, f"{name(page)}:{block.line}", "exec", ast.PyCF_ONLY_AST)


@pytest.mark.source
def test_every_guide_shows_something_that_runs() -> None:
    shown = {name(page) for page in WITH_PYTHON}
    frameworks = ("langchain", "llama-index", "haystack", "sentence-transformers")
    guides = (
        "index",
        "scores",
        "long-documents",
        "checkpoints",
        *frameworks,
        "evaluate",
        "calibration",
        "train",
        "serve",
        "score",
    )
    assert {f"docs/{guide}.md" for guide in guides} | {"README.md"} <= shown


def _commands(block: Block) -> list[list[str]]:
    """The `secondpass` commands of a shell block, as words."""
    commands = []
    for line in block.text.replace("\\\n", " ").splitlines():
        if not re.search(r"\bsecondpass (?=[a-z-])", line):
            continue
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|&<>")
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, "|"]:
            if set(word) <= set("|&<>"):
                commands.append(words)
                words = []
            else:
                words.append(word)
    return [words for words in commands if words[:1] == ["secondpass"]]


@cache
def _options(command: str) -> frozenset[str]:
    """What `secondpass COMMAND --help` lists."""
    testing = pytest.importorskip("typer.testing")
    from secondpass.cli.app import app

    arguments = ["--help"] if command.startswith("-") else [command, "--help"]
    result = testing.CliRunner().invoke(app, arguments, env={"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"})
    assert result.exit_code == 0, command
    return frozenset(re.findall(r"(?<![\w-])(--?[a-z][a-z0-9-]*)", result.output))


@pytest.mark.parametrize("page", _parameters([page for page in pages() if blocks(page, "bash")]))
def test_commands_have_the_options_they_are_shown_with(page: Path) -> None:
    for block in blocks(page, "bash"):
        for command in _commands(block):
            for word in command[1:]:
                if word.startswith("-") and word != "-":
                    assert word in _options(command[1]), f"{name(page)}:{block.line}: {shlex.join(command)}"


@pytest.mark.slow
@pytest.mark.source
def test_what_a_threshold_keeps_is_what_the_page_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    testing = pytest.importorskip("typer.testing")
    pytest.importorskip("bm25s", reason="needs the extra eval")
    pytest.importorskip("sklearn", reason="needs the extra calibrate")
    from secondpass.cli.app import app

    monkeypatch.chdir(tmp_path)
    docs = ROOT / "docs"
    for page in ("evaluate.md", "calibration.md"):  # the collection, and the calibration
        with redirect_stdout(io.StringIO()), warnings.catch_warnings():
            exec(blocks(docs / page, "python")[0].text, {})  # noqa: S102 - our own text
    (block,) = (block for block in blocks(docs / "calibration.md", "bash") if "--unanswerable" in block.text)
    Path("unanswerable.jsonl").write_text(block.text.partition("<<'END'\n")[2].partition("END\n")[0])
    (command,) = _commands(block)
    shown = testing.CliRunner().invoke(app, [*command[1:], "--format", "table"], env={"COLUMNS": "100"})
    assert block.output is not None
    assert shown.output.endswith(block.output.removeprefix("...\n"))


# The pages of commands that are not called as their page is.
COMMAND_PAGES = {"bench": "benchmarks", "calibrate": "calibration", "eval": "evaluate"}


@pytest.mark.source
def test_every_option_is_on_its_commands_page() -> None:
    pytest.importorskip("typer")
    from secondpass.cli.app import SUMMARIES
    from secondpass.cli.flags import command_flags

    missing = []
    for command in SUMMARIES:
        paths = [ROOT / "docs" / f"{page}.md" for page in (COMMAND_PAGES.get(command, command), "command-line")]
        text = "".join(path.read_text(encoding="utf-8") for path in paths if path.exists())
        flags = [flag for flag in command_flags(command).values() if flag.startswith("--")]
        missing += [f"{command} {flag}" for flag in flags if not re.search(rf"{flag}(?![\w-])", text)]
    assert missing == []


def test_commands_are_recognised_among_others() -> None:
    text = 'cat a | secondpass rank "x | y" --json > out  # secondpass\npip install ".[cli]" && secondpass demo\n'
    assert _commands(Block("bash", is_run=True, text=text, line=1, output=None)) == [
        ["secondpass", "rank", "x | y", "--json"],
        ["secondpass", "demo"],
    ]
    assert "--json" in _options("rank")
    assert "--nothing" not in _options("rank")
