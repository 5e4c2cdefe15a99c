"""Folders of Parquet as people have them: what their names say is a column, and what comes out is one table."""

import json
from pathlib import Path
from typing import Any

import pytest
from job_rows import errors_of, read_output, write_jsonl
from scorers import Scores

from secondpass.errors import InputError
from secondpass.jobs import JobSettings, score_files

PAIR = {"query": "q", "document": "d"}


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path)


def test_the_columns_that_folders_say_come_out(tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    folder = tmp_path / "hive"
    for split, n_rows in (("dev", 2), ("a%20b", 3), ("__HIVE_DEFAULT_PARTITION__", 1)):
        _write(folder / f"split={split}" / "0.parquet", [{**PAIR, "id": n} for n in range(n_rows)])
    result = score_files(folder, tmp_path / "out", scorer=Scores())
    table = pq.read_table(result.scores)
    assert table.column_names == ["query", "document", "id", "split", "score", "rank", "truncated"]
    assert table["split"].to_pylist() == [None, "a b", "a b", "a b", "dev", "dev"]
    again = score_files(folder, tmp_path / "out", scorer=Scores())
    assert again.n_shards_before == again.n_shards == 3
    (folder / "split=dev").rename(folder / "split=test")
    with pytest.raises(InputError, match=r"split=test/0\.parquet lies in folders that say other columns"):
        score_files(folder, tmp_path / "out", scorer=Scores())


def test_a_folders_name_may_say_the_query(tmp_path: Path) -> None:
    for query in "ab":
        _write(tmp_path / "in" / f"query={query}" / "0.parquet", [{"document": "d"}] * 2)
    scorer = Scores()
    score_files(tmp_path / "in", tmp_path / "out", scorer=scorer, settings=JobSettings(shard_rows=1))
    assert scorer.asked == [("a", "d")] * 2 + [("b", "d")] * 2


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_folders_of_text_say_columns_as_well(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "in" / "lang=de" / f"a.{kind}"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(PAIR) if kind == "jsonl" else "query,document\nq,d\n")
    score_files(tmp_path / "in", tmp_path / "out", scorer=Scores())
    (row,) = read_output(tmp_path / "out")
    assert list(row) == ["query", "document", "lang", "score", "rank", "truncated"]
    assert row["lang"] == "de"


def test_a_column_that_a_file_and_its_folders_have_is_refused(tmp_path: Path) -> None:
    message = r"lang=de/a\.parquet: columns must have names of their own, 'lang' appears twice"
    _write(tmp_path / "parquet" / "lang=de" / "a.parquet", [{**PAIR, "lang": "en"}])
    with pytest.raises(InputError, match=message):
        score_files(tmp_path / "parquet", tmp_path / "out", scorer=Scores())
    (tmp_path / "jsonl" / "lang=de").mkdir(parents=True)
    write_jsonl(tmp_path / "jsonl" / "lang=de" / "a.jsonl", [{**PAIR, "lang": "en"}, PAIR])
    assert score_files(tmp_path / "jsonl", tmp_path / "out", scorer=Scores()).n_rows == 1
    (error,) = errors_of(tmp_path / "out")
    assert error["error"] == "must have no column 'lang', which the names of the file's folders say"


def test_files_of_other_columns_are_refused_before_anything_is_scored_unless_they_become_json(tmp_path: Path) -> None:
    _write(tmp_path / "a.parquet", [PAIR])
    _write(tmp_path / "b.parquet", [{**PAIR, "lang": "en", "id": 1}])
    scorer = Scores()
    with pytest.raises(InputError, match=r"b\.parquet has the column '(lang|id)', .*a\.parquet has not: write JSON"):
        score_files(tmp_path, tmp_path / "out", scorer=scorer)
    assert (scorer.asked, (tmp_path / "out").exists()) == ([], False)
    result = score_files(tmp_path, tmp_path / "out", scorer=scorer, settings=JobSettings(output_format="jsonl"))
    assert (result.n_rows, result.n_bad) == (2, 0)


def test_files_that_differ_in_how_they_hold_the_same_become_one_table(tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    first = {"query": ["q"], "document": ["d"], "id": pa.array([1], pa.int32()), "note": pa.nulls(1)}
    second = {
        "note": ["n"],
        "document": pa.array(["d"], pa.large_string()),
        "id": pa.array([2**40]),
        "query": pa.array(["q"]).dictionary_encode(),
    }
    for name, columns in (("a", first), ("b", second)):
        pq.write_table(pa.table(columns), tmp_path / f"{name}.parquet")
    result = score_files(tmp_path, tmp_path / "out", scorer=Scores())
    tables = [pq.read_table(path) for path in sorted(Path(result.scores).iterdir())]
    assert tables[0].schema == tables[1].schema
    rows = pa.concat_tables(tables).select(["query", "document", "id", "note"]).to_pylist()
    assert rows == [{**PAIR, "id": 1, "note": None}, {**PAIR, "id": 2**40, "note": "n"}]
