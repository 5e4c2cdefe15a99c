"""Tables as values: drawn for a terminal of any width without losing a figure, or written as Markdown."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from secondpass.files.markdown import escaped, table_row
from secondpass.files.printable import printable

# The narrowest columns of names and of texts, and the widest column of names beside a text.
_NAME, _TEXT, _NAME_BESIDE_TEXT = 20, 24, 24
# What rich draws around a cell, and once more at the end of a row.
_AROUND, _END = 3, 1
# Lines that a text takes where there is no room for a table, and characters of it in Markdown.
_TEXT_LINES, _MARKDOWN_TEXT = 3, 300
# The name of a row that leaves room for its other cells beside it, and how far those are moved in below a longer one.
_SHORT_NAME, _INDENT = 4, 2
_INDENTED = (0, 0, 0, _INDENT)


class Kind(StrEnum):
    """What a column holds, which decides how it gives way."""

    NAME = "name"
    """Words and ids: whole, folded where they must be."""
    FIGURE = "figure"
    """Numbers: to the right, whole, in one line."""
    TEXT = "text"
    """Documents: one line, with an ellipsis; has a right to room."""
    BAR = "bar"
    """Drawings of a figure that is there as well: the first to go."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column's heading and what it holds."""

    name: str
    kind: Kind = Kind.FIGURE


@dataclass(frozen=True, slots=True)
class Row:
    """A row's cells.

    Args:
        cells: One per column, as text or with a style of its own.
        style: Of the whole row.
        is_total: Whether a line divides it from the rows above.
    """

    cells: tuple[str | Text, ...]
    style: str = ""
    is_total: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table with its title and caption.

    Args:
        title: What it shows; written above it.
        columns: The first one names the rows.
        rows: Their cells, one per column.
        caption: What belongs below it.
    """

    title: str
    columns: tuple[Column, ...]
    rows: Sequence[Row] = field(repr=False)
    caption: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """A table where there is room; else without its drawings; else row by row."""
        yield Text(self.title, style="italic")
        without_bars = self._without(Kind.BAR)
        narrowed = replace(without_bars, columns=tuple(_broken(column) for column in without_bars.columns))
        fitting = [sheet for sheet in (self, without_bars, narrowed) if _least_width(sheet) <= options.max_width]
        if fitting:
            yield _table(fitting[0])
        else:
            yield from _records(without_bars, options.max_width)
        if self.caption:
            yield Text(self.caption, style="dim italic")

    def markdown(self) -> str:
        """The table in Markdown, to paste into a model card or an issue."""
        sheet = self._without(Kind.BAR)
        marks = ["---:" if column.kind is Kind.FIGURE else "---" for column in sheet.columns]
        lines = [
            table_row([escaped(one_line(column.name)) for column in sheet.columns]),
            table_row(marks),
        ]
        for row in sheet.rows:
            cells = [escaped(_plain(cell, column.kind)) for cell, column in zip(row.cells, sheet.columns, strict=True)]
            lines.append(table_row([f"**{cell}**" if row.is_total and cell else cell for cell in cells]))
        caption = escaped(self.caption).replace("\n", "  \n")  # two spaces break a line
        return "\n".join([f"{escaped(self.title)}\n", *lines, *([f"\n{caption}"] if caption else [])])

    def _without(self, kind: Kind) -> "Sheet":
        kept = [i for i, column in enumerate(self.columns) if column.kind is not kind]
        rows = tuple(replace(row, cells=tuple(row.cells[i] for i in kept)) for row in self.rows)
        return replace(self, columns=tuple(self.columns[i] for i in kept), rows=rows)


def _least_width(sheet: Sheet) -> int:
    return sum(_least(sheet, i) + _AROUND for i in range(len(sheet.columns))) + _END


def _least(sheet: Sheet, i: int) -> int:
    """The least width of a column."""
    column = sheet.columns[i]
    heading = max(map(cell_len, column.name.split("\n")))
    if column.kind is Kind.TEXT:
        return max(heading, _TEXT)
    widest = max((cell_len(line) for row in sheet.rows for line in str(row.cells[i]).split("\n")), default=0)
    return max(heading, min(widest, _NAME) if column.kind is Kind.NAME else widest)


def _table(sheet: Sheet) -> Table:
    has_text = any(column.kind is Kind.TEXT for column in sheet.columns)
    table = Table(expand=has_text)
    for i, column in enumerate(sheet.columns):
        table.add_column(
            Text(column.name),
            justify="right" if column.kind is Kind.FIGURE else "left",
            no_wrap=column.kind is not Kind.NAME,
            overflow="ellipsis" if column.kind is Kind.TEXT else "fold",
            min_width=_least(sheet, i),
            max_width=_NAME_BESIDE_TEXT if has_text and column.kind is Kind.NAME else None,
            ratio=1 if column.kind is Kind.TEXT else None,
        )
    for row in sheet.rows:
        if row.is_total:
            table.add_section()
        pairs = zip(row.cells, sheet.columns, strict=True)
        table.add_row(
            *(_in_one_line(cell) if c.kind is Kind.TEXT else _text(cell) for cell, c in pairs), style=row.style
        )
    return table


def _records(sheet: Sheet, width: int) -> Iterator[RenderableType]:
    """Each row as lines: its name, its other cells with their headings, and its texts."""
    for row in sheet.rows:
        (_, name), *rest = zip(sheet.columns, map(_text, row.cells), strict=True)
        name.stylize(row.style or "bold")
        named = [_named(column.name, cell) for column, cell in rest if column.kind is not Kind.TEXT and cell.plain]
        if cell_len(name.plain) <= _SHORT_NAME:
            yield Text("  ").join([name, *named])
        else:
            yield name
            yield Padding(Text("  ").join(named), _INDENTED, expand=False)
        for column, cell in rest:
            if column.kind is Kind.TEXT:
                text = _in_one_line(cell)
                text.truncate(max(1, (width - _INDENT - 2) * _TEXT_LINES), overflow="ellipsis")
                yield Padding(text, _INDENTED, expand=False)


def _broken(column: Column) -> Column:
    """The heading with a word per line, and no wider than what is below it needs."""
    return replace(column, name="\n".join(column.name.split()))


def _text(cell: str | Text) -> Text:
    # Files' names may hold bytes that are not text, which no terminal shows.
    return cell.copy() if isinstance(cell, Text) else Text(printable(cell))


def _in_one_line(cell: str | Text) -> Text:
    text = _text(cell)
    return Text(one_line(text.plain), style=text.style)


def _named(name: str, cell: Text) -> Text:
    """A cell behind its heading, in one piece as long as it has one line."""
    plain = ", ".join(cell.plain.strip().split("\n"))
    return Text.assemble((one_line(name), "dim"), " ", (plain, cell.style or ""))


def _plain(cell: str | Text, kind: Kind) -> str:
    text = _in_one_line(cell).plain if kind is Kind.TEXT else ", ".join(str(cell).strip().split("\n"))
    return text if len(text) <= _MARKDOWN_TEXT else text[: _MARKDOWN_TEXT - 1] + "…"


def one_line(text: str) -> str:
    """The words of a text with one space between them, whatever stood there."""
    return " ".join(text.split())
