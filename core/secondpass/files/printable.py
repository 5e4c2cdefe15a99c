"""Text that any stream, font and file can hold."""

import re
from typing import Final

# All but the tab and the line feed: among them is the escape with which a text could rewrite a terminal.
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def printable(text: str) -> str:
    r"""The text, in which no character is left that a terminal obeys or an encoding lacks.

    Control characters become `\x1b` and the like, and halves of surrogate pairs, such as bytes of a file's name that
    are none, `\udce9`. Tabs and line feeds stay.
    """
    return _CONTROLS.sub(_written_out, text).encode(errors="backslashreplace").decode()


def _written_out(control: re.Match[str]) -> str:
    return control[0].encode("unicode_escape").decode()
