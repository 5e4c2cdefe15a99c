"""Tables at any width: nothing is wider than the terminal, and no figure or name loses a character."""

from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from secondpass.cli.documents import Document
from secondpass.cli.rank import ranking_sheet
from secondpass.cli.sheets import Column, Kind, Row, Sheet
from secondpass.ranking import RankedDocument

WORDS = st.text("abcdefgh-/.0123456789", min_size=1, max_size=30)
FIGURES = st.floats(-99_999, 99_999).map(lambda value: f"{value:.4f}")


def drawn(sheet: Sheet, width: int) -> str:
    written = StringIO()
    Console(width=width, file=written).print(sheet)
    return written.getvalue()


@given(st.lists(st.tuples(WORDS, FIGURES, FIGURES), min_size=1, max_size=3), st.integers(24, 200))
def test_no_figure_is_cut_at_any_width(rows: list[tuple[str, str, str]], width: int) -> None:
    sheet = Sheet("t", (Column("name", Kind.NAME), Column("first stage"), Column("re-ranked")), [*map(Row, rows)])
    text = drawn(sheet, width)
    assert max(map(cell_len, text.splitlines())) <= width
    assert "…" not in text
    for _, *figures in rows:
        assert all(figure in text for figure in figures)


@pytest.mark.parametrize("width", [30, 50, 80, 200])
def test_a_ranking_shows_text_at_any_width(width: int) -> None:
    documents = [Document("some/long/folder/of/notes.txt:1", "volumes keep\ndata outside " * 40)]
    ranked = [RankedDocument(0, -3.25, documents[0].text)]
    text = drawn(ranking_sheet("how to keep data", ranked, documents), width)
    assert "volumes keep data" in text
    assert "-3.250" in text
    assert max(map(cell_len, text.splitlines())) <= width


def test_bars_go_first() -> None:
    sheet = Sheet(
        "t", (Column("#"), Column("", Kind.BAR), Column("text", Kind.TEXT)), [Row(("1", "████████████", "a text"))]
    )
    assert "████" in drawn(sheet, 60)
    assert "████" not in drawn(sheet, 40)
    assert "┃" in drawn(sheet, 40)
    assert "a text" in drawn(sheet, 20)


def test_markdown_is_a_table_of_whole_cells() -> None:
    columns = (Column("name", Kind.NAME), Column("", Kind.BAR), Column("value"), Column("text", Kind.TEXT))
    rows = [
        Row(("a|b", "██", "0.5", "two\nlines")),
        Row((r"c\|d", "", "<0.1", "use <b> and *x*, R&D ~~for~~ $5 or $6 [a](b)")),
        Row(("Mean*", "", "0.5", ""), is_total=True),
    ]
    assert Sheet("a [b] *c*", columns, rows, "caption").markdown().splitlines() == [
        r"a \[b\] \*c\*",
        "",
        "| name | value | text |",
        "| --- | ---: | --- |",
        r"| a\|b | 0.5 | two lines |",
        r"| c\\\|d | \<0.1 | use \<b\> and \*x\*, R\&D \~\~for\~\~ \$5 or \$6 \[a\](b) |",
        r"| **Mean\*** | **0.5** |  |",
        "",
        "caption",
    ]


def test_a_heading_or_caption_of_several_lines_is_one_row_and_several_lines_of_markdown() -> None:
    lines = Sheet("t", (Column("MTEB\n*en*"),), [Row(("55.8",))], "one\ntwo").markdown().splitlines()
    assert lines[2:] == [r"| MTEB \*en\* |", "| ---: |", "| 55.8 |", "", "one  ", "two"]
