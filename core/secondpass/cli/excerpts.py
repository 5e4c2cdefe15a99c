"""Passages in their documents: highlighted on a terminal, between two marks elsewhere."""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType
from rich.padding import Padding
from rich.text import Text

from secondpass.cli.sheets import one_line
from secondpass.files.markdown import escaped
from secondpass.files.printable import printable

# What stands around a passage where nothing can be bold, as in Markdown.
_MARK = "**"
# Lines that a passage takes, the share of a line that shows what stands before and behind it, and how far all is moved
# in below its heading.
_LINES, _CONTEXT, _INDENT = 6, 0.75, 3
# Characters of a line where there is no terminal.
_LINE = 100


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A passage.

    Args:
        heading: What it is called: its document's rank, name and line.
        text: The whole document.
        start: The passage's first character.
        end: One behind its last.
    """

    heading: str
    text: str
    start: int
    end: int

    def parts(self, width: int) -> tuple[str, str, str]:
        """What stands before the passage, the passage, and what stands behind it, in about as much as there is room.

        Args:
            width: Characters of a line.
        """
        context = round(width * _CONTEXT)
        # White space may be most of it, as in a file's indented lines; but a document may be long.
        before = one_line(self.text[max(0, self.start - 8 * context) : self.start])
        after = one_line(self.text[self.end : self.end + 8 * context])
        whole = one_line(self.text[self.start : self.end])
        passage = textwrap.shorten(whole, width * _LINES, placeholder=" …")
        if passage != whole:
            after = ""
        shown = before[-context:]
        if len(shown) < len(before):
            shown = f"… {shown.partition(' ')[2] or shown}"
        return shown, passage, textwrap.shorten(after, context, placeholder=" …")


@dataclass(frozen=True, slots=True)
class Excerpts:
    """Passages, one below the other."""

    excerpts: Sequence[Excerpt]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """Each with its heading, in bold where the terminal has that."""
        is_styled = console.is_terminal and not console.is_dumb_terminal
        mark = "" if is_styled else _MARK
        for excerpt in self.excerpts:
            before, passage, after = excerpt.parts(options.max_width - _INDENT)
            yield Text(printable(excerpt.heading), style="cyan")
            # A space of its own between the parts, so that the passage is what is bold.
            parts = [(before, "dim"), (f"{mark}{passage}{mark}", "bold"), (after, "dim")]
            text = Text(" ").join(Text(printable(part), style) for part, style in parts if part)
            yield Padding(text, (0, 0, 0, _INDENT))

    def markdown(self) -> str:
        """A list, the passages in bold."""
        items = []
        for excerpt in self.excerpts:
            before, passage, after = map(escaped, excerpt.parts(_LINE))
            around = " ".join(part for part in (before, f"{_MARK}{passage}{_MARK}", after) if part)
            items.append(f"- {escaped(excerpt.heading)}: {around}")
        return "\n".join(items)
