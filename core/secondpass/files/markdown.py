"""Text and tables in Markdown."""

from collections.abc import Iterable

# Characters with a meaning in Markdown, GitHub's tables and formulas included.
_MARKS = frozenset("\\`*_[]<>#&~$|")


def escaped(text: str) -> str:
    """A line of text that Markdown takes as text: no star, underscore or bracket of it means anything."""
    return "".join(f"\\{character}" if character in _MARKS else character for character in text)


def table_row(cells: Iterable[str]) -> str:
    """A row of a table, of cells that are Markdown."""
    return f"| {' | '.join(cells)} |"
