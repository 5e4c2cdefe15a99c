"""Text that any stream, font and file can hold."""


def printable(text: str) -> str:
    r"""The text, in which halves of surrogate pairs, such as bytes of a file's name that are none, become `\udce9`."""
    return text.encode(errors="backslashreplace").decode()
