"""What all commands have in common."""

import re
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from secondpass.cli.app import SUMMARIES, app, load_command
from secondpass.errors import InputError


def call(*arguments: str) -> None:
    CliRunner().invoke(app, arguments, catch_exceptions=False)


@pytest.mark.parametrize("name", SUMMARIES)
def test_an_option_with_one_value_is_refused_twice(name: str) -> None:
    command = load_command(name)
    options = [option for option in command.params if option.param_type_name == "option"]
    single = [option for option in options if not option.multiple and not option.is_flag]
    assert single or name == "models"
    for option in single:
        values = "1" if option.nargs == 1 else " ".join(["1"] * option.nargs)
        with pytest.raises(InputError, match=r"^--[a-z-]+ must be given once, got it 2 times$"):
            command.make_context(name, [option.opts[0], *values.split(), option.opts[0], *values.split()])


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("score", ["pairs.jsonl", "--output", "out", "--strict", "--strict"]),
        ("rank", ["a query", "--top-k", "3"]),
        ("eval", ["one", "two", "-m", "a", "-m", "b"]),
        ("train", ["run.toml"]),
    ],
)
def test_arguments_flags_and_options_that_take_several_are_free(name: str, arguments: list[str]) -> None:
    context = load_command(name).make_context(name, list(arguments))
    assert arguments[0] in str(context.params)


def test_both_names_of_an_option_are_one() -> None:
    with pytest.raises(InputError, match="--model must be given once, got it 2 times"):
        call("score", "pairs.jsonl", "-m", "a", "--model", "b", "-o", "out")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("rank q f --topk 3", "no such option: --topk; did you mean --top-k?"),
        ("rank q f --qzx", "no such option: --qzx"),
        ("rank q f -Z", "no such option: -Z"),
        ("rank q f --top-k x", "--top-k must be an integer, got 'x'"),
        ("rank q f -k 1.5", "--top-k must be an integer, got '1.5'"),
        ("rank q f --threshold high", "--threshold must be a number, got 'high'"),
        ("rank q f --as foo", '--as must be one of "auto", "lines", "document", "jsonl", "trec", got \'foo\''),
        ("calibrate set --method p", '--method must be one of "platt", "temperature", "beta", "isotonic", got \'p\''),
        ("eval set --dtype 8", '--dtype must be one of "float32", "bfloat16", "float16", "int8", got \'8\''),
        ("rank q f --top-k", "--top-k must have a value"),
        ("rank q f -k", "-k must have a value"),
        ("rank q f --json=yes", "--json must come without a value"),
        ("bench --no-memory=3", "--no-memory must come without a value"),
        ("rank", "QUERY must be given"),
        ("score pairs.jsonl", "--output must be given"),
        ("rnk q f", "no such command 'rnk'. Did you mean 'rank'?"),
        ("--qzx rank q f", "no such option: --qzx"),
    ],
)
def test_a_mistake_in_a_call_is_one_line(arguments: str, line: str) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(line)}$"):
        call(*arguments.split())


def test_arguments_that_a_command_does_not_take_are_named() -> None:
    with pytest.raises(InputError, match=r"extra argument.*spare"):
        call("models", "spare")


def test_a_call_with_a_mistake_ends_in_one_line_and_status_2() -> None:
    command = [sys.executable, "-m", "secondpass", "rank", "q", "f", "--top-k", "x"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "error: --top-k must be an integer, got 'x'\n")


def test_no_command_shows_the_help() -> None:
    result = CliRunner().invoke(app, [])
    assert "Usage:" in result.output
