"""Files as people have them, read row by row: what is in them was written by hand."""

import gzip
import random
from pathlib import Path
from typing import Any

import pytest

from secondpass.errors import InputError
from secondpass.jobs.carrying import ToArrow, ToObjects, schema_of
from secondpass.jobs.reading import records
from secondpass.jobs.reading.find_inputs import find_inputs
from secondpass.jobs.reading.input_file import InputFile
from secondpass.jobs.reading.records import RecordFile, TextKind
from secondpass.jobs.reading.row_reader import RowReader, RunTexts
from secondpass.jobs.reading.text_input import TextInput
from secondpass.jobs.rows import JsonObjects
from secondpass.jobs.settings import JobSettings

CASES: dict[str, tuple[TextKind, bytes, list[tuple[int, Any]]]] = {
    "a BOM, CRLF and blank lines": (
        "jsonl",
        b'\xef\xbb\xbf{"query": "q", "document": "d", "id": 1}\r\n\r\n{"query": "r", "document": "\\u00e9"}\r\n',
        [(1, ("q", "d")), (3, ("r", "é"))],
    ),
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
            (3, "document must be a string, is missing"),
            (4, "query must be Unicode text, has the lone surrogate '\\ud800' at character 0"),
            (5, "must be a JSON object, got '[1]'"),
            (6, "must be UTF-8 text, is not at byte 31"),
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
            (7, "must be UTF-8 text, is not"),
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
    "quotes that mean nothing between tabs": (
        "tsv",
        b'query\tdocument\n"q\td, "e"\nq\n',
        [(2, ('"q', 'd, "e"')), (3, "a row must have 2 fields like the first, has 1")],
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


def _read(file: InputFile) -> list[tuple[int, Any]]:
    """The texts of each row or why there are none, by its number."""
    found: list[tuple[int, Any]] = []
    for shard in file.divide(0, 0):
        for batch in file.batches(shard):
            rows = batch.rows
            found += zip(rows.numbers, zip(rows.queries, rows.documents, strict=True), strict=True)
            found += [(row.number, row.error) for row in batch.bad]
    return sorted(found, key=lambda row: row[0])


@pytest.mark.parametrize("shard_rows", [1, 2, 100])
@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize("case", CASES)
def test_text_files_are_read_as_they_are_meant(case: str, packed: str, shard_rows: int, tmp_path: Path) -> None:
    kind, content, expected = CASES[case]
    path = tmp_path / f"a.{kind}{packed}"
    path.write_bytes(gzip.compress(content) if packed else content)
    assert _read(_input(path, kind, shard_rows=shard_rows)) == expected


@pytest.mark.parametrize("packed", ["", ".gz"])
def test_a_quote_that_never_ends_takes_no_more_than_a_fields_memory(
    packed: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(records, "_FIELD_CHARACTERS", 1000)  # or the file would have to be of megabytes
    rows = [f"q,d{i}" for i in range(500)]
    content = "\n".join(["query,document", *rows[:7], 'q,"never', *rows[7:]]).encode()
    path = tmp_path / f"a.csv{packed}"
    path.write_bytes(gzip.compress(content) if packed else content)
    found = _read(_input(path, "csv", shard_rows=20))
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
    assert _read(_input(path, kind, shard_rows=1)) == [
        (first, ("q", "d")), (first + 1, too_long), (first + 2, ("q", "e")), (first + 3, too_long),
        (first + 4, ("q", "f")),
    ]  # fmt: skip


def test_csv_keeps_its_limit_for_everybody_else(tmp_path: Path) -> None:
    import csv

    before = csv.field_size_limit()
    (tmp_path / "a.csv").write_bytes(CASES["a document longer than csv takes"][1])
    _read(_input(tmp_path / "a.csv", "csv"))
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
        (batch,) = _input(path, kind).batches(shard)
        numbers = range(shard.first_row, shard.first_row + shard.n_rows)
        assert [document.split("\n")[0] for document in batch.rows.documents] == [f"d{i}" for i in numbers]


@pytest.mark.parametrize("packed", ["", ".gz"])
def test_a_file_that_has_become_shorter_loses_no_row_silently(packed: str, tmp_path: Path) -> None:
    lines = [b'{"query": "q", "document": "d"}\n'] * 9
    path = tmp_path / f"a.jsonl{packed}"
    pack = gzip.compress if packed else bytes
    path.write_bytes(pack(b"".join(lines)))
    *_, last = _input(path, "jsonl", shard_rows=2).divide(0, 0)
    path.write_bytes(pack(b"".join(lines[:-1])))
    with pytest.raises(InputError, match=r"a\.jsonl.* must have 9 rows as before, has 8"):
        list(_input(path, "jsonl").batches(last))


def test_files_without_what_is_read_are_refused(tmp_path: Path) -> None:
    cases = (
        ("a.csv", b"", "must have the columns' names in its first row, is empty"),
        ("b.csv", b"query,text\nq,d\n", "must have the column 'document', has query, text"),
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
    (batch,) = _input(tmp_path / "a.jsonl", "jsonl").batches(next(_input(tmp_path / "a.jsonl", "jsonl").divide(0, 0)))
    assert batch.rows.keys == ["1", "q"]
    (tmp_path / "a.csv").write_text("query_id,query,document\n,q,d\n,r,d\n1,r,d\n")
    shards = list(_input(tmp_path / "a.csv", "csv", shard_rows=1).divide(0, 0))
    assert [(shard.n_rows, shard.is_continued) for shard in shards] == [(1, False)] * 3
    (batch,) = _input(tmp_path / "a.csv", "csv").batches(next(_input(tmp_path / "a.csv", "csv").divide(0, 0)))
    assert batch.rows.keys == ["q", "r", "1"]


def test_text_becomes_columns_by_its_first_rows() -> None:
    pa = pytest.importorskip("pyarrow")
    rows = [{"id": 1, "query": "q", "none": None, "tags": ["a"]}, {"id": 2, "query": "q", "x": 1.5}]
    schema = schema_of(rows, frozenset({"query"}))
    assert schema.equals(
        pa.schema([("id", pa.int64()), ("none", pa.string()), ("tags", pa.list_(pa.string())), ("x", pa.float64())])
    )
    carrier = ToArrow(frozenset({"query"}), schema)
    others: list[dict[str, Any]] = [
        {"id": 3, "query": "q"},
        {"id": "4", "query": "q"},
        {"id": 5, "y": 0},
        {"id": 6, "x": 2},
    ]
    carried, errors = carrier.of_objects(others)
    assert carried.slice(0, 9).table.to_pylist() == [  # type: ignore[attr-defined] # Arrow's
        {"id": 3, "none": None, "tags": None, "x": None}, {"id": 6, "none": None, "tags": None, "x": 2.0},
    ]  # fmt: skip
    assert errors[1].startswith("must have columns like the first rows; ")
    assert errors[2] == "must have columns like the first rows, has y as well"
    with pytest.raises(InputError, match="the column 'id' must hold values of one type to be written as Parquet"):
        schema_of([{"id": 1}, {"id": "a"}], frozenset())


def test_parquet_is_read_by_rows_whatever_its_groups(tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    from secondpass.jobs.reading.parquet_input import ParquetInput

    values = pa.array(["é", None, b"caf\xe9", "d"] * 20, pa.binary())
    broken = pa.Array.from_buffers(pa.string(), len(values), values.buffers())
    table = pa.table({"query": pa.array(["q"] * 80).dictionary_encode(), "document": broken, "when": range(80)})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=7)
    reader = RowReader(JobSettings(output_format="jsonl", shard_rows=11), frozenset({"score"}))
    file = ParquetInput(tmp_path / "a.parquet", reader, ToObjects(frozenset({"query"})))
    found = _read(file)
    assert [number for number, _ in found] == list(range(1, 81))
    assert [row for _, row in found[:4]] == [
        ("q", "é"), "document must be a string, is missing", "must be UTF-8 text, is not", ("q", "d"),
    ]  # fmt: skip
    by_text = RowReader(
        JobSettings(output_format="jsonl", shard_rows=3, query_column="document", document_column="query"),
        frozenset({"score"}),
    )
    shards = list(ParquetInput(tmp_path / "a.parquet", by_text, ToObjects(frozenset())).divide(0, 0))
    assert sum(shard.n_rows for shard in shards) == 80
    last = list(file.divide(0, 0))[-1]
    *_, batch = ParquetInput(tmp_path / "a.parquet", reader, ToObjects(frozenset({"document"}))).batches(last)
    assert isinstance(batch.rows.carried, JsonObjects)
    assert batch.rows.carried.objects[-1] == {"query": "q", "when": 79}


def test_parquet_is_read_in_the_memory_of_a_few_groups_however_many_there_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    from secondpass.jobs.reading import parquet_input
    from secondpass.jobs.reading.parquet_input import ParquetInput

    monkeypatch.setattr(parquet_input, "_BATCH_BYTES", 2**22)  # or the file would have to be of gigabytes

    group = pa.table({"query": ["q"] * 4, "document": [random.Random(i).randbytes(2**17).hex() for i in range(4)]})  # noqa: S311 - what no compression makes small
    with pq.ParquetWriter(tmp_path / "a.parquet", group.schema, use_dictionary=False) as writer:
        for _ in range(64):
            writer.write_table(group)
    del group, writer
    reader = RowReader(JobSettings(output_format="jsonl"), frozenset({"score"}))
    before = pa.total_allocated_bytes()
    file = ParquetInput(tmp_path / "a.parquet", reader, ToObjects(frozenset()))
    (shard,) = file.divide(0, 0)
    held = [pa.total_allocated_bytes() - before for _ in file.batches(shard)]
    assert len(held) > 4
    assert max(held) < 2**24  # of 2 ** 26 in the file


def test_what_is_no_parquet_or_has_other_columns_is_refused(tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    from secondpass.jobs.reading.parquet_input import ParquetInput

    reader = RowReader(JobSettings(output_format="jsonl"), frozenset({"score"}))
    (tmp_path / "a.parquet").write_bytes(b"no such thing")
    pq.write_table(pa.table({"query": ["q"], "document": [1]}), tmp_path / "b.parquet")
    pq.write_table(pa.table({"query": ["q"], "document": ["d"], "raw": [b"\xff"]}), tmp_path / "c.parquet")
    for name, message in (
        ("a", "must be a Parquet file that is whole"),
        ("b", "the column 'document' must hold text, holds int64"),
        ("c", "the column 'raw' must hold what JSON can, got bytes: write Parquet"),
    ):
        with pytest.raises(InputError, match=message):
            ParquetInput(tmp_path / f"{name}.parquet", reader, ToObjects(frozenset()))


def test_files_folders_and_patterns_are_found(tmp_path: Path) -> None:
    for name in (
        "b.jsonl",
        "a.jsonl.gz",
        "in/c.ndjson",
        "_SUCCESS",
        ".hidden.jsonl",
        "_temporary/d.jsonl",
        "README.md",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = find_inputs([tmp_path])
    assert [path.relative_to(tmp_path).as_posix() for path in found.files] == ["a.jsonl.gz", "b.jsonl", "in/c.ndjson"]
    assert (found.kind, found.left_out) == ("jsonl", (tmp_path / "README.md",))
    assert find_inputs([f"{tmp_path}/**/*.ndjson"]).files == (tmp_path / "in" / "c.ndjson",)
    (tmp_path / "d.csv").touch()
    for names, message in (
        ([], "inputs must name at least one file, folder or pattern, got none"),
        ([tmp_path], "inputs must be files of one format, got .*csv"),
        ([tmp_path / "README.md"], "inputs must be files that end in .parquet, .*, got .*README.md"),
        ([f"{tmp_path}/*.tsv"], r"inputs must be files, folders or patterns, '.*\.tsv' is none that is there"),
    ):
        with pytest.raises(InputError, match=message):
            find_inputs(names)


def test_the_header_is_no_record(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("query\tdocument\n\nq\td\n")
    file = RecordFile(tmp_path / "a.tsv", "tsv")
    assert [(record.offset, record.line) for record in file.records()] == [(16, 3)]
