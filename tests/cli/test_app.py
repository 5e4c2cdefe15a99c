"""What all commands have in common."""

import pytest
import typer
from typer.testing import CliRunner

from secondpass.cli.app import SUMMARIES, app, load_command


@pytest.mark.parametrize("name", SUMMARIES)
def test_an_option_with_one_value_is_refused_twice(name: str) -> None:
    command = load_command(name)
    options = [option for option in command.params if option.param_type_name == "option"]
    single = [option for option in options if not option.multiple and not option.is_flag]
    assert single or name == "models"
    for option in single:
        values = "1" if option.nargs == 1 else " ".join(["1"] * option.nargs)
        with pytest.raises(typer.BadParameter, match="must be given once, got it 2 times"):
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
    result = CliRunner().invoke(app, ["score", "pairs.jsonl", "-m", "a", "--model", "b", "-o", "out"])
    assert result.exit_code == 2
    assert "must be given once" in result.output
    assert "--model" in result.output
