"""The command line as a caller has it."""

from typer.testing import CliRunner

from secondpass.cli.app import app


def call(*arguments: object) -> str:
    """What a command that ends well writes to standard output."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout
