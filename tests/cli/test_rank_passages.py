"""`secondpass rank` on documents longer than the model: where the passage is, and what was not read."""

import json
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from secondpass import CrossEncoder
from secondpass.cli.documents import Format, read_documents
from secondpass.cli.excerpts import Excerpt, Excerpts

QUERY = "which city is the capital of Germany"
FILLER = "The tide comes in twice a day,\nand the moon pulls at the sea.\n"
ANSWER = "Berlin is the capital of Germany."
LONG = FILLER * 30 + ANSWER + "\n" + FILLER * 3


def run(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "secondpass", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=cwd)  # noqa: S603 - our own


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tides.md").write_text(LONG, encoding="utf-8")
    (tmp_path / "short.md").write_text("Bread is made of flour.\n", encoding="utf-8")
    return tmp_path


def test_json_says_where_the_passage_is(folder: Path) -> None:
    done = run("rank", QUERY, "tides.md", "short.md", "--long-documents", "windows", cwd=folder)
    assert done.stderr == ""
    rows = json.loads(done.stdout)
    expected = CrossEncoder("secondpass/mini", long_documents="windows").rank(QUERY, [row["text"] for row in rows])
    for row, ranked in zip(rows, expected, strict=True):
        assert ranked.passage is not None
        passage = row["passage"]
        assert (passage["start"], passage["end"]) == (ranked.passage.start, ranked.passage.end)
        assert passage["score"] == pytest.approx(ranked.passage.score, abs=1e-5)
        assert row["truncated"] is False
    assert rows[0]["id"] == "tides.md"
    assert ANSWER in LONG[rows[0]["passage"]["start"] : rows[0]["passage"]["end"]]
    first_words = LONG[rows[0]["passage"]["start"] :].split("\n")[0]
    assert LONG.split("\n")[rows[0]["passage"]["line"] - 1].endswith(first_words)
    assert rows[1]["passage"] | {"score": 0} == {"start": 0, "end": 24, "line": 1, "score": 0}


def test_what_was_truncated_is_counted_whatever_is_kept(folder: Path) -> None:
    done = run("rank", QUERY, "tides.md", "short.md", "--top-k", "1", cwd=folder)
    assert done.stderr == (
        "warning: 1 of 2 documents were truncated to fit the model's limit of 256 tokens; --long-documents windows "
        "reads all of each\n"
    )
    shorter = run("rank", QUERY, "tides.md", "short.md", "--max-length", "128", cwd=folder)
    assert "1 of 2 documents were truncated to fit --max-length 128; " in shorter.stderr
    (row,) = json.loads(done.stdout)
    assert (row["id"], row["truncated"]) == ("short.md", False)
    question = "which of these " * 100
    long_query = run("rank", question, "short.md", "--long-documents", "windows", cwd=folder)
    assert long_query.stderr == (
        "warning: the query was truncated beside 1 of 1 document to fit the model's limit of 256 tokens\n"
    )


def test_the_screen_shows_the_best_sentences_of_the_passage_with_their_line(folder: Path) -> None:
    arguments = ("rank", QUERY, "tides.md", "short.md", "--long-documents", "windows", "--format")
    table = run(*arguments, "table", cwd=folder).stdout
    window = json.loads(run(*arguments, "json", cwd=folder).stdout)[0]["passage"]
    sheet, excerpt = table.split("2 of 2 documents\n\n")
    marked = " ".join(excerpt.split()).split("**")
    assert len(marked) == 3
    assert ANSWER in marked[1]
    # It lies in the window, and its line is that of its first words.
    words = " ".join(LONG[window["start"] : window["end"]].split())
    assert marked[1] in words
    assert len(marked[1]) < len(words) / 2
    place = excerpt.split("\n")[0].removeprefix("1  ")
    line = LONG.split("\n")[int(place.removeprefix("tides.md:")) - 1]
    assert line.endswith(marked[1][: len(line)]) or marked[1].startswith(line)
    assert place in sheet
    assert "short.md:" not in table
    markdown = run(*arguments, "markdown", cwd=folder).stdout
    assert f"\n- 1  {place}: … " in markdown
    assert f"**{marked[1][:60]}" in markdown


def test_a_terminal_shows_it_in_bold() -> None:
    excerpts = Excerpts([Excerpt("1  a.md:2", "one two\nthree four\nfive", 8, 13)])
    console = Console(file=StringIO(), force_terminal=True, width=40, color_system="standard", _environ={})
    with console.capture() as screen:
        console.print(excerpts)
    assert "\x1b[1mthree\x1b[0m" in screen.get()
    plain = Console(file=StringIO(), width=40, _environ={})
    with plain.capture() as pipe:
        plain.print(excerpts)
    assert [line.rstrip() for line in pipe.get().splitlines()] == ["1  a.md:2", "   one two **three** four five"]
    assert excerpts.markdown() == "- 1  a.md:2: one two **three** four five"


def test_excerpts_are_as_long_as_there_is_room_for() -> None:
    text = " ".join(f"w{i}" for i in range(5000))
    before, passage, after = Excerpt("", text, text.index("w2000 "), text.index("w3000 ") - 1).parts(40)
    assert before.startswith("… w19")
    assert before.endswith("w1999")
    assert passage.startswith("w2000 w2001")
    assert passage.endswith(" …")
    assert len(passage) <= 40 * 6
    assert after == ""
    before, passage, after = Excerpt("", text, text.index("w2000 "), text.index("w2010 ") - 1).parts(40)
    assert passage == " ".join(f"w{i}" for i in range(2000, 2010))
    assert after.startswith("w2010")
    assert after.endswith(" …")
    assert max(len(before), len(after)) <= 32


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("first\n\nthird\n")
    (tmp_path / "b.jsonl").write_text('\n{"_id": "x", "text": "one\\ntwo"}\n')
    (tmp_path / "c.trec").write_text("<DOC><DOCNO>1</DOCNO>a</DOC>\n<DOC>\n<DOCNO>2</DOCNO>\nb\nc</DOC>\n")
    (tmp_path / "d.md").write_text("one\r\ntwo\nthree")
    documents = read_documents([tmp_path / name for name in ("a.txt", "b.jsonl", "c.trec", "d.md")])
    assert [(d.line, d.line_of(len(d.text) - 1)) for d in documents] == [(1, 1), (3, 3), (2, 2), (1, 1), (2, 2), (1, 3)]
    (whole,) = read_documents([tmp_path / "a.txt"], Format.DOCUMENT)
    assert [whole.line_of(i) for i in (0, 5, 6, 7)] == [1, 1, 2, 3]
