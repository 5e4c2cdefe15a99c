"""Warnings on the command line: one line each, in its words, and each text once."""

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from secondpass.files.printable import printable


def say_warning(text: str, file: TextIO | None = None) -> None:
    """Write a warning's line.

    Args:
        text: The warning, in the command line's words.
        file: Where it goes; None: standard error.
    """
    (sys.stderr if file is None else file).write(f"warning: {printable(text)}\n")


@contextmanager
def warnings_in_lines(in_flags: Callable[[str], str]) -> Iterator[None]:
    """Show what is warned of as `warning: ...` on standard error, rather than with Python's file and line.

    Which warnings are shown stays what PYTHONWARNINGS and Python's own rules say.

    Args:
        in_flags: Puts a message in the command line's words.
    """
    shown: set[str] = set()

    def show(
        message: Warning | str,
        category: type[Warning],  # noqa: ARG001 - as Python calls it, like the next two
        filename: str,  # noqa: ARG001
        lineno: int,  # noqa: ARG001
        file: TextIO | None = None,
        line: str | None = None,  # noqa: ARG001
    ) -> None:
        text = in_flags(" ".join(str(message).split()))
        if text not in shown:
            shown.add(text)
            say_warning(text, file)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield
