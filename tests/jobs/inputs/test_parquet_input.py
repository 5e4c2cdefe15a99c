"""Parquet files, read by rows whatever their groups."""

import random
from pathlib import Path

import pytest
from job_rows import texts_of_rows

from secondpass.errors import InputError
from secondpass.jobs.carrying.to_objects import ToObjects
from secondpass.jobs.inputs.row_reader import RowReader
from secondpass.jobs.rows import JsonObjects
from secondpass.jobs.settings import JobSettings


def test_parquet_is_read_by_rows_whatever_its_groups(tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    from secondpass.jobs.inputs.parquet_input import ParquetInput

    values = pa.array(["é", None, b"caf\xe9", "d"] * 20, pa.binary())
    broken = pa.Array.from_buffers(pa.string(), len(values), values.buffers())
    table = pa.table({"query": pa.array(["q"] * 80).dictionary_encode(), "document": broken, "when": range(80)})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=7)
    reader = RowReader(JobSettings(output_format="jsonl", shard_rows=11), frozenset({"score"}))
    file = ParquetInput(tmp_path / "a.parquet", reader, ToObjects(frozenset({"query"})))
    found = texts_of_rows(file)
    assert [number for number, _ in found] == list(range(1, 81))
    assert [row for _, row in found[:4]] == [
        ("q", "é"), "document must be a string, is missing", "must be UTF-8 text", ("q", "d"),
    ]  # fmt: skip
    by_text = RowReader(
        JobSettings(output_format="jsonl", shard_rows=3, query_column="document", document_column="query"),
        frozenset({"score"}),
    )
    shards = list(ParquetInput(tmp_path / "a.parquet", by_text, ToObjects(frozenset())).divide(0, 0))
    assert sum(shard.n_rows for shard in shards) == 80
    last = list(file.divide(0, 0))[-1]
    *_, block = ParquetInput(tmp_path / "a.parquet", reader, ToObjects(frozenset({"document"}))).blocks(last)
    assert isinstance(block.rows.carried, JsonObjects)
    assert block.rows.carried.objects[-1] == {"query": "q", "when": 79}


def test_parquet_is_read_in_the_memory_of_a_few_groups_however_many_there_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    from secondpass.jobs.inputs import parquet_input
    from secondpass.jobs.inputs.parquet_input import ParquetInput

    monkeypatch.setattr(parquet_input, "_BLOCK_BYTES", 2**22)  # or the file would have to be of gigabytes

    group = pa.table({"query": ["q"] * 4, "document": [random.Random(i).randbytes(2**17).hex() for i in range(4)]})  # noqa: S311 - what no compression makes small
    with pq.ParquetWriter(tmp_path / "a.parquet", group.schema, use_dictionary=False) as writer:
        for _ in range(64):
            writer.write_table(group)
    del group, writer
    reader = RowReader(JobSettings(output_format="jsonl"), frozenset({"score"}))
    before = pa.total_allocated_bytes()
    file = ParquetInput(tmp_path / "a.parquet", reader, ToObjects(frozenset()))
    (shard,) = file.divide(0, 0)
    held = [pa.total_allocated_bytes() - before for _ in file.blocks(shard)]
    assert len(held) > 4
    assert max(held) < 2**24  # of 2 ** 26 in the file


def test_a_dictionary_within_other_values_is_read_over_all_groups(tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    from secondpass.jobs.inputs.parquet_input import ParquetInput

    kinds = pa.array(list("abcab")).dictionary_encode()
    columns = {"query": ["q"] * 5, "document": list("vwxyz"), "more": pa.StructArray.from_arrays([kinds], ["kind"])}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet", row_group_size=2)
    reader = RowReader(JobSettings(output_format="jsonl", shard_rows=3), frozenset())
    file = ParquetInput(tmp_path / "a.parquet", reader, ToObjects(frozenset({"query"})))
    carried = [block.rows.carried for shard in file.divide(0, 0) for block in file.blocks(shard)]
    rows = [row for part in carried if isinstance(part, JsonObjects) for row in part.objects]
    assert [(row["document"], row["more"]) for row in rows] == [
        (document, {"kind": kind}) for document, kind in zip("vwxyz", "abcab", strict=True)
    ]


def test_what_is_no_parquet_or_has_other_columns_is_refused(tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    from secondpass.jobs.inputs.parquet_input import ParquetInput

    reader = RowReader(JobSettings(output_format="jsonl"), frozenset({"score"}))
    (tmp_path / "a.parquet").write_bytes(b"no such thing")
    pq.write_table(pa.table({"query": ["q"], "document": [1]}), tmp_path / "b.parquet")
    pq.write_table(pa.table({"query": ["q"], "document": ["d"], "raw": [b"\xff"]}), tmp_path / "c.parquet")
    pq.write_table(pa.table({"query": ["q"], "document": ["d"], "größe": [1]}), tmp_path / "d.parquet")
    utf8 = (tmp_path / "d.parquet").read_bytes()
    (tmp_path / "d.parquet").write_bytes(utf8.replace("größe".encode(), b"gr\xf6\xdfe.."))  # as many bytes
    for name, message in (
        ("a", "must be a Parquet file that is whole"),
        ("d", r"d\.parquet: columns must have names in UTF-8; 'utf-8' codec can't decode byte 0xf6"),
        ("b", "the column 'document' must hold text, holds int64"),
        ("c", "the column 'raw' must hold what JSON can, holds binary: write Parquet"),
    ):
        with pytest.raises(InputError, match=message):
            ParquetInput(tmp_path / f"{name}.parquet", reader, ToObjects(frozenset()))


def test_rows_without_an_id_are_divided_by_the_text_of_their_query(tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    from secondpass.jobs.inputs.parquet_input import ParquetInput

    # Of two queries without an id, and of two with one text and two ids.
    queries, ids = list("aaaaaabbbbbbcccccc"), [None] * 6 + [""] * 6 + ["1"] * 3 + ["2"] * 3
    table = pa.table({"query": queries, "query_id": ids, "document": queries})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=5)
    reader = RowReader(JobSettings(output_format="jsonl", shard_rows=3), frozenset())
    shards = list(ParquetInput(tmp_path / "a.parquet", reader, ToObjects(frozenset())).divide(0, 0))
    assert [(shard.first_row, shard.n_rows, shard.is_continued) for shard in shards] == [
        (0, 6, False), (6, 6, False), (12, 3, False), (15, 3, False),
    ]  # fmt: skip
