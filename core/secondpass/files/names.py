"""Names of files, as they are shown."""


def printable(name: str) -> str:
    r"""A name that every stream, font and file of text can hold: bytes that are no text are written as `\udce9`."""
    return name.encode(errors="backslashreplace").decode()
