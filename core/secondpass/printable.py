"""Names as people can read them: those of files may hold bytes that are no text, and pictures take some for more."""


def printable(name: str) -> str:
    r"""A name that every stream, font and file of text can hold: bytes that are no text are written as `\udce9`."""
    return name.encode(errors="backslashreplace").decode()


def legend_entry(name: str) -> str:
    """A name as matplotlib's legends show it: no mathematics between dollars, no hidden entry."""
    text = printable(name).replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text
