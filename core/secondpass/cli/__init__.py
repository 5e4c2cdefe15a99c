"""The `secondpass` command."""

import sys

from secondpass.errors import MissingExtraError, SecondPassError


def main() -> None:
    """Run the command line; a mistake of the user's ends in one line on standard error and exit status 2."""
    try:
        from secondpass.cli.app import app
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich"):
            raise
        sys.exit(f"error: {MissingExtraError('the secondpass command', 'cli')}")
    try:
        app()
    except SecondPassError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(2)
