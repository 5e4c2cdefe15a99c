"""Help is whole, errors use flags, and every option that an error can name exists."""

import re

import pytest
from typer.testing import CliRunner

from secondpass.cli.app import SUMMARIES, app, load_command
from secondpass.cli.flags import command_flags, in_flags

COMMANDS = ("rank", "models", "demo", "eval", "train", "score", "bench")
LOADING = ("rank", "demo", "eval", "score")


def help_of(*arguments: str, width: int) -> str:
    environment = {"COLUMNS": str(width), "TERMINAL_WIDTH": str(width), "NO_COLOR": "1", "TERM": "dumb"}
    result = CliRunner().invoke(app, [*arguments, "--help"], env=environment)
    assert result.exit_code == 0
    return " ".join(re.sub(r"[│╭╮╰╯─]", " ", result.output).split())


@pytest.mark.parametrize("command", COMMANDS)
def test_no_word_of_a_help_text_is_lost_to_markup(command: str) -> None:
    shown = help_of(command, width=400)
    for parameter in load_command(command).params:
        text = " ".join((parameter.help or "").replace("\\[", "[").split())
        assert text in shown, parameter.name


def test_the_sections_of_a_training_run_are_named_in_its_help() -> None:
    for width in (50, 80, 200):
        assert all(section in help_of("train", width=width) for section in ("[model]", "[data]", "[run]"))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_writes_the_same_formats_by_the_same_rule(command: str) -> None:
    shown = help_of(command, width=200)
    assert "--format" in shown
    assert "table|json|markdown" in shown
    assert "table on a terminal, json in a pipe" in shown
    assert "--json" in shown


@pytest.mark.parametrize(
    ("command", "message", "expected"),
    [
        ("rank", "top_k must be at least 1, got 0", "--top-k must be at least 1, got 0"),
        ("rank", "score_threshold must be a number, got NaN", "--threshold must be a number, got NaN"),
        ("rank", "query must be a string", "QUERY must be a string"),
        ("rank", "a/b is gated: accept its terms and pass token=", "a/b is gated: accept its terms and pass --token"),
        (
            "eval",
            "a/b is not in the local cache, and local_files_only=True forbids a download",
            "a/b is not in the local cache, and --local-files-only forbids a download",
        ),
        ("demo", "then pass trust_remote_code=True to run it", "then pass --trust-remote-code to run it"),
        ("eval", "m states no maximum length: pass max_length=", "m states no maximum length: pass --max-length"),
        ("eval", 'pass activation="identity" or "sigmoid"', 'pass --activation "identity" or "sigmoid"'),
        ("rank", "dtype 'int8' needs an x86 CPU", "--dtype 'int8' needs an x86 CPU"),
        ("rank", "a pair does not fit; lower max_length", "a pair does not fit; lower --max-length"),
        ("eval", 'duplicate_judgements="highest" or "first"', '--duplicate-judgements "highest" or "first"'),
        ("train", "a/b is gated: pass token=", "a/b is gated: pass HF_TOKEN in the environment"),
        ("rank", "an API key may be missing (api_key=...)", "an API key may be missing (--token ...)"),
        ("score", "api_key must be ASCII characters", "--token must be ASCII characters"),
        ("rank", "url must hold no password: give api_key=...", "--model must hold no password: give --token ..."),
        ("serve", "api_key must be given", "--api-key must be given"),
        # What only looks like a parameter stays.
        ("rank", "a/top_k/max_length.txt: must be UTF-8 text", "a/top_k/max_length.txt: must be UTF-8 text"),
        ("rank", "tokenizer_config.json: model_max_length must be", "tokenizer_config.json: model_max_length must be"),
        ("train", "model.max_length must be at least 1, got 0", "model.max_length must be at least 1, got 0"),
        ("models", "the model must be", "the model must be"),
    ],
)  # fmt: skip
def test_errors_are_in_the_words_of_the_command(command: str, message: str, expected: str) -> None:
    assert in_flags(message, [command, "x"]) == expected


@pytest.mark.parametrize("command", LOADING)
def test_every_option_that_loading_speaks_of_exists(command: str) -> None:
    from dataclasses import fields

    from secondpass.options import ModelOptions

    flags = command_flags(command)
    assert {
        option.name: f"--{option.name.replace('_', '-')}" for option in fields(ModelOptions)
    }.items() <= flags.items()


@pytest.mark.parametrize("command", [*LOADING, "train", "bench"])
def test_code_of_a_checkpoint_can_be_allowed_wherever_one_is_loaded(command: str) -> None:
    assert command_flags(command)["trust_remote_code"] == "--trust-remote-code"


@pytest.mark.parametrize("command", SUMMARIES)
def test_what_a_command_is_listed_with_is_what_it_says_of_itself(command: str) -> None:
    assert load_command(command).help.splitlines()[0] == SUMMARIES[command]


def test_without_a_command_nothing_is_in_the_way() -> None:
    assert in_flags("top_k must be at least 1", []) == "top_k must be at least 1"
