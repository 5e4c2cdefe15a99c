"""Text files as people have them, read row by row: what is in them was written by hand."""

import csv
import gzip
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from job_rows import read_output, texts_of_rows
from scorers import Scores

from secondpass.errors import InputError
from secondpass.jobs import score_files
from secondpass.jobs.carrying.to_objects import ToObjects
from secondpass.jobs.inputs import records
from secondpass.jobs.inputs.records import RecordFile, TextKind
from secondpass.jobs.inputs.row_reader import RowReader
from secondpass.jobs.inputs.run_texts import RunTexts
from secondpass.jobs.inputs.text_input import TextInput
from secondpass.jobs.settings import JobSettings

CASES: dict[str, tuple[TextKind, bytes, list[tuple[int, Any]]]] = {
    "a BOM, CRLF and blank lines": (
        "jsonl",
        b'\xef\xbb\xbf{"query": "q", "document": "d", "id": 1}\r\n\r\n{"query": "r", "document": "\\u00e9"}\r\n',
        [(1, ("q", "d")), (3, ("r", "é"))],
    ),
    "a BOM before a blank line": ("jsonl", b'\xef\xbb\xbf\r\n{"query": "q", "document": "d"}\n', [(2, ("q", "d"))]),
    "nothing but a BOM": ("jsonl", b"\xef\xbb\xbf", []),
    "a BOM before a blank line of a run": ("trec", b"\xef\xbb\xbf\n1 Q0 a 1 3.5 tag\n", [(2, ("one", "first"))]),
    "a BOM before a blank line between tabs": (
        "tsv",
        b"\xef\xbb\xbf\nquery\tdocument\nq\td\n",
        [(3, ("q", "d"))],
    ),
    "a BOM before a blank row": ("csv", b"\xef\xbb\xbf\nquery,document\nq,d\n", [(3, ("q", "d"))]),
    "no line end at the end": ("jsonl", b'{"query": "q", "document": ""}', [(1, ("q", ""))]),
    "nulls, numbers and half a character": (
        "jsonl",
        b"\n".join(
            [
                b'{"query": null, "document": "d"}',
                b'{"query": "q", "document": 3}',
                b'{"query": "q"}',
                b'{"query": "\\ud800", "document": "d"}',
                b"[1]",
                b'{"query": "q", "document": "caf\xe9"}',
                b"null",
                b'{"query": "q"',
            ]
        ),
        [
            (1, "query must be a string, is missing"),
            (2, "document must be a string, got int 3"),
            (3, "must have the column 'document', has query: document_column says which one is read"),
            (4, "query must be Unicode text, has the lone surrogate '\\ud800' at character 0"),
            (5, "must be a JSON object, got '[1]'"),
            (6, "must be UTF-8 text; invalid byte at offset 31"),
            (7, "must be a JSON object, got 'null'"),
            (8, "must be JSON, got '{\"query\": \"q\"' (Expecting ',' delimiter)"),
        ],
    ),
    "quotes, commas and line ends in fields": (
        "csv",
        b"\xef\xbb\xbf"
        + b"\r\n".join(
            [b"id,query,document", b'1,"say ""yes""","one,\r\ntwo"', b"", b"2,q,", b"3,q,d,e", b"4,q,caf\xe9", b"5,q,d"]
        ),
        [
            (2, ('say "yes"', "one,\r\ntwo")),
            (5, ("q", "")),
            (6, "a row must have 3 fields like the first, has 4"),
            (7, "must be UTF-8 text"),
            (8, ("q", "d")),
        ],
    ),
    "a quote that never ends": (
        "csv",
        b'query,document\nq,d\nq,"d\nq,e\nq,"f\n',
        [
            (2, ("q", "d")),
            (3, "must be a row of CSV; ',' expected after '\"'"),
            (4, ("q", "e")),
            (5, "must be a row of CSV; unexpected end of data"),
        ],
    ),
    "a quote that ends where rows with quotes of their own begin": (
        "csv",
        b'query,document\nq,"d\nq,e\n"q","f\ng"\n',
        [(2, "must be a row of CSV; ',' expected after '\"'"), (3, ("q", "e")), (4, ("q", "f\ng"))],
    ),
    "carriage returns": (
        "csv",
        b'query,document\r\nq,d\re\r\nq,"f\rg"\r\n',
        [(2, "must be a row of CSV; a carriage return must stand in quotes or before a line feed"), (3, ("q", "f\rg"))],
    ),
    "quotes that mean nothing between tabs": (
        "tsv",
        b'query\tdocument\n"q\td, "e"\nq\n',
        [(2, ('"q', 'd, "e"')), (3, "a row must have 2 fields like the first, has 1")],
    ),
    "blank fields between tabs, and blank lines": (
        "tsv",
        b"query\tdocument\n\t\n\n \t\r\n\r\nq\td\n \n",
        [(2, ("", "")), (4, (" ", "")), (6, ("q", "d")), (7, "a row must have 2 fields like the first, has 1")],
    ),
    "a document longer than csv takes": (
        "csv",
        b"query,document\nq," + b"x" * 200_000 + b"\n",
        [(2, ("q", "x" * 200_000))],
    ),
    "a run": (
        "trec",
        b"1 Q0 a 1 3.5 tag\n1\tQ0\tb\t2\t2.5\ttag\n2 Q0 a 1 1 tag\n1 Q0 c 3 1 tag\n1 Q0 a 1\n",
        [
            (1, ("one", "first")),
            (2, ("one", "second")),
            (3, "queries must hold every query of the run, '2' is not in it"),
            (4, "corpus must hold every document of the run, 'c' is not in it"),
            (5, "a run must have 6 columns (query, Q0, document, rank, score, tag), got '1 Q0 a 1'"),
        ],
    ),
}
TEXTS = RunTexts({"1": "one"}, {"a": "first", "b": "second"})


def _input(path: Path, kind: TextKind, **settings: Any) -> TextInput:
    texts = TEXTS if kind == "trec" else None
    reader = RowReader(JobSettings(**{"output_format": "jsonl", **settings}), frozenset({"score"}), texts)
    return TextInput(path, kind, reader, ToObjects(frozenset()))


@pytest.mark.parametrize("shard_rows", [1, 2, 100])
@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize("case", CASES)
def test_text_files_are_read_as_they_are_meant(case: str, packed: str, shard_rows: int, tmp_path: Path) -> None:
    kind, content, expected = CASES[case]
    path = tmp_path / f"a.{kind}{packed}"
    path.write_bytes(gzip.compress(content) if packed else content)
    assert texts_of_rows(_input(path, kind, shard_rows=shard_rows)) == expected


@pytest.mark.parametrize("packed", ["", ".gz"])
def test_a_quote_that_never_ends_takes_no_more_than_a_fields_memory(
    packed: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(records, "_FIELD_CHARACTERS", 1000)  # or the file would have to be of megabytes
    rows = [f"q,d{i}" for i in range(500)]
    content = "\n".join(["query,document", *rows[:7], 'q,"never', *rows[7:]]).encode()
    path = tmp_path / f"a.csv{packed}"
    path.write_bytes(gzip.compress(content) if packed else content)
    found = texts_of_rows(_input(path, "csv", shard_rows=20))
    assert [row for _, row in found] == [
        *(("q", f"d{i}") for i in range(7)),
        "must be a row of CSV; field larger than field limit (1000)",
        *(("q", f"d{i}") for i in range(7, 500)),
    ]
    assert [number for number, _ in found] == list(range(2, 503))


@pytest.mark.parametrize("kind", ["jsonl", "csv", "tsv"])
def test_a_line_that_never_ends_is_a_bad_row(kind: TextKind, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(records, "_LINE_BYTES", 100)  # likewise
    row = {"jsonl": '{"query": "q", "document": "%s"}', "csv": "q,%s", "tsv": "q\t%s"}[kind]
    header = [] if kind == "jsonl" else [{"csv": "query,document", "tsv": "query\tdocument"}[kind]]
    documents = ["d", "x" * 500, "e", "x" * 100, "f"]
    path = tmp_path / f"a.{kind}"
    path.write_text("\n".join([*header, *(row % document for document in documents)]))
    first = 1 + len(header)
    too_long = "a line must have at most 100 bytes, has more"
    assert texts_of_rows(_input(path, kind, shard_rows=1)) == [
        (first, ("q", "d")), (first + 1, too_long), (first + 2, ("q", "e")), (first + 3, too_long),
        (first + 4, ("q", "f")),
    ]  # fmt: skip


def test_csv_keeps_its_limit_for_everybody_else(tmp_path: Path) -> None:
    before = csv.field_size_limit()
    (tmp_path / "a.csv").write_bytes(CASES["a document longer than csv takes"][1])
    texts_of_rows(_input(tmp_path / "a.csv", "csv"))
    assert csv.field_size_limit() == before


@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize("kind", ["jsonl", "csv", "tsv"])
def test_a_shard_can_be_read_without_those_before_it(kind: TextKind, packed: str, tmp_path: Path) -> None:
    lines = [
        f'{{"query": "é{i // 3}", "document": "d{i}"}}' if kind == "jsonl"
        else f'"é{i // 3}","d{i}\nmore"' if kind == "csv"
        else f"é{i // 3}\td{i}"
        for i in range(50)
    ]  # fmt: skip
    header = [] if kind == "jsonl" else ["query,document" if kind == "csv" else "query\tdocument"]
    content = "\n".join([*header, *lines]).encode()
    path = tmp_path / f"a.{kind}{packed}"
    path.write_bytes(gzip.compress(content) if packed else content)
    shards = list(_input(path, kind, shard_rows=7).divide(0, 0))
    assert [shard.n_rows for shard in shards] == [9, 9, 9, 9, 9, 5]
    for shard in reversed(shards):
        (block,) = _input(path, kind).blocks(shard)
        numbers = range(shard.first_row, shard.first_row + shard.n_rows)
        assert [document.split("\n")[0] for document in block.rows.documents] == [f"d{i}" for i in numbers]


@pytest.mark.parametrize("packed", ["", ".gz"])
def test_a_file_that_has_become_shorter_loses_no_row_silently(packed: str, tmp_path: Path) -> None:
    lines = [b'{"query": "q", "document": "d"}\n'] * 9
    path = tmp_path / f"a.jsonl{packed}"
    pack = gzip.compress if packed else bytes
    path.write_bytes(pack(b"".join(lines)))
    *_, last = _input(path, "jsonl", shard_rows=2).divide(0, 0)
    path.write_bytes(pack(b"".join(lines[:-1])))
    with pytest.raises(InputError, match=r"a\.jsonl.* must have 9 rows as before, has 8"):
        list(_input(path, "jsonl").blocks(last))


def test_files_without_what_is_read_are_refused(tmp_path: Path) -> None:
    cases = (
        ("a.csv", b"", "must have the columns' names in its first row, is empty"),
        (
            "b.csv",
            b"query,text\nq,d\n",
            "must have the column 'document', has query, text: document_column says which one is",
        ),
        ("c.tsv", b"query\tdocument\tquery\n", "columns must have names of their own, 'query' appears twice"),
        ("d.csv", b"query,document,score\n", "the columns of the results must be new ones, the input has score: give"),
    )
    for name, content, message in cases:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=message):
            _input(tmp_path / name, "tsv" if name.endswith("tsv") else "csv")


def test_ids_say_what_belongs_together_where_there_are_some(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(
        '{"query": "q", "query_id": 1, "document": "d"}\n{"query": "q", "query_id": null, "document": "d"}\n'
    )
    (block,) = _input(tmp_path / "a.jsonl", "jsonl").blocks(next(_input(tmp_path / "a.jsonl", "jsonl").divide(0, 0)))
    assert block.rows.keys == ["id:1", "text:q"]
    (tmp_path / "a.csv").write_text("query_id,query,document\n,q,d\n,r,d\n1,r,d\n")
    shards = list(_input(tmp_path / "a.csv", "csv", shard_rows=1).divide(0, 0))
    assert [(shard.n_rows, shard.is_continued) for shard in shards] == [(1, False)] * 3
    (block,) = _input(tmp_path / "a.csv", "csv").blocks(next(_input(tmp_path / "a.csv", "csv").divide(0, 0)))
    assert block.rows.keys == ["text:q", "text:r", "id:1"]


def test_a_text_is_nobodys_id(tmp_path: Path) -> None:
    """The query "7" without an id, and another one whose id is 7, stand side by side."""
    rows = [{"query": "7", "document": "a"}, {"query": "q", "query_id": 7, "document": "b"}]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    shards = list(_input(path, "jsonl", shard_rows=1).divide(0, 0))
    assert [(shard.n_rows, shard.is_continued) for shard in shards] == [(1, False)] * 2
    result = score_files(path, tmp_path / "out", scorer=Scores())
    assert [row["rank"] for row in read_output(tmp_path / "out")] == [1, 1]
    assert result.n_scattered == 0


def test_the_header_is_no_record(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("query\tdocument\n\nq\td\n")
    file = RecordFile(tmp_path / "a.tsv", "tsv")
    assert [(record.offset, record.line) for record in file.records()] == [(16, 3)]


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
@pytest.mark.parametrize("document", ["d", None])
def test_rows_are_read_together_by_all_that_they_hold(document: str | None, kind: TextKind, tmp_path: Path) -> None:
    path, other = tmp_path / "a", "x" * 2**22
    if kind == "jsonl":
        line = json.dumps({"query": "q", "document": document, "other": other}) + "\n"
        path.write_text(line * 9)
    else:  # a field too few is a bad row
        path.write_text("query,document,other\n" + (f"q,d,{other}\n" if document else f"q,{other}\n") * 9)
    reader = RowReader(JobSettings(output_format="jsonl"), frozenset())
    file = TextInput(path, kind, reader, ToObjects(frozenset({"other"})))
    (shard,) = file.divide(0, 0)
    # Four rows of 4 million characters are 16 million.
    assert [len(block.rows) + len(block.bad) for block in file.blocks(shard)] == [4, 4, 1]


def test_long_fields_are_read_in_many_threads_together(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"query,document\n" + (b'q,"' + b"x" * 150_000 + b'\n"\n') * 40)

    def n_bad(_: int) -> int:
        return sum(isinstance(row, str) for _, row in texts_of_rows(_input(path, "csv")))

    before, interval = csv.field_size_limit(), sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # so that threads take turns in the midst of rows
    try:
        with ThreadPoolExecutor(4) as threads:
            assert sum(threads.map(n_bad, range(8))) == 0
    finally:
        sys.setswitchinterval(interval)
    assert csv.field_size_limit() == before


def test_a_name_in_capitals_is_unpacked_too(tmp_path: Path) -> None:
    path = tmp_path / "A.JSONL.GZ"
    path.write_bytes(gzip.compress(b'{"query": "q", "document": "d"}\n'))
    assert texts_of_rows(_input(path, "jsonl")) == [(1, ("q", "d"))]
