"""The `secondpass` command."""

import sys

from secondpass.cli.streams import run


def main() -> None:
    """Run the command line.

    The exit status is 0; 1 where what came out could not be written, as on a full disk; 2 after a mistake of the
    user's, or where a package is missing, with one line on standard error; 130 after an interrupt.
    """
    sys.exit(run(_command, _in_flags))


def _command() -> None:
    from secondpass.errors import MissingExtraError

    try:
        from secondpass.cli.app import app
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich"):
            raise
        raise MissingExtraError("the secondpass command", "cli") from None
    app()


def _in_flags(message: str) -> str:
    """A message in the words of the command that was called; typer is what knows them."""
    try:
        from secondpass.cli.flags import in_flags
    except ModuleNotFoundError:
        return message
    return in_flags(message, sys.argv[1:])
