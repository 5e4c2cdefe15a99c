"""What goes beside the texts through whole jobs: it comes out as it came in, or the row is told of."""

import json
from pathlib import Path
from typing import Any

import pytest
from job_rows import errors_of, make_rows, read_output, write_jsonl
from scorers import Fixed, Scores

from secondpass.errors import InputError
from secondpass.evaluation import read_run
from secondpass.jobs import JobSettings, score_files

PAIR = {"query": "q", "document": "d"}


def test_a_value_of_another_type_than_in_the_first_file_is_a_bad_row(tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    write_jsonl(tmp_path / "a.jsonl", [{**PAIR, "n": 1}])
    write_jsonl(tmp_path / "b.jsonl", [{**PAIR, "n": 1.5}, {**PAIR, "n": 2}])
    result = score_files(tmp_path, tmp_path / "out", scorer=Scores(), settings=JobSettings(output_format="parquet"))
    assert (result.n_rows, result.n_bad) == (2, 1)
    assert pq.read_table(tmp_path / "out" / "scores")["n"].to_pylist() == [1, 2]
    (error,) = errors_of(tmp_path / "out")
    assert (error["file"], error["row"]) == (str(tmp_path / "b.jsonl"), 1)
    assert error["error"] == "must have columns like the first rows; n must be int64, is double"


def test_a_row_that_cannot_be_scored_has_no_say_in_the_columns(tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    path = write_jsonl(tmp_path / "a.jsonl", [{**PAIR, "query": 3, "more": 1}, {**PAIR, "id": 1}])
    result = score_files(path, tmp_path / "out", scorer=Scores(), settings=JobSettings(output_format="parquet"))
    assert (result.n_rows, result.n_bad) == (1, 1)
    names = ["query", "document", "id", "score", "rank", "truncated"]
    assert pq.read_table(tmp_path / "out" / "scores").column_names == names


def test_rows_of_nothing_but_texts_become_parquet_without_them(tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    path = write_jsonl(tmp_path / "a.jsonl", [PAIR] * 3)
    settings = JobSettings(output_format="parquet", keep_texts=False)
    assert score_files(path, tmp_path / "out", scorer=Scores(), settings=settings).n_rows == 3
    table = pq.read_table(tmp_path / "out" / "scores")
    assert (table.column_names, table.num_rows) == (["score", "rank", "truncated"], 3)


def test_where_no_line_is_json_all_are_listed(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / "a.jsonl").write_text("{\n{\n")
    settings = JobSettings(output_format="parquet")
    assert score_files(tmp_path / "a.jsonl", tmp_path / "out", scorer=Scores(), settings=settings).n_bad == 2
    assert [error["row"] for error in errors_of(tmp_path / "out")] == [1, 2]


@pytest.mark.parametrize("output_format", ["jsonl", "parquet"])
def test_a_moment_that_python_does_not_have_costs_its_row_and_no_other(output_format: Any, tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    when = pa.array([0, 2**60, 1], pa.timestamp("us"))
    # Other columns are read as Python's values for JSON alone; the id of a query always is.
    columns = {"query_id" if output_format == "parquet" else "when": when}
    pq.write_table(pa.table({"query": ["q"] * 3, "document": ["d"] * 3, **columns}), tmp_path / "a.parquet")
    settings = JobSettings(output_format=output_format, shard_rows=1)
    result = score_files(tmp_path / "a.parquet", tmp_path / "out", scorer=Scores(), settings=settings)
    assert (result.n_rows, result.n_bad) == (2, 1)
    (error,) = errors_of(tmp_path / "out")
    assert (error["row"], error["error"].rpartition(": ")[2]) == (2, "date value out of range")


def test_a_column_that_json_does_not_have_is_refused_though_its_first_rows_are_empty(tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    values = pa.array([None] * 4500 + [b"x"])
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"query": ["q"] * 4501, "document": ["d"] * 4501, "image": values}), path)
    with pytest.raises(InputError, match="the column 'image' must hold what JSON can, holds binary: write Parquet"):
        score_files(path, tmp_path / "out", scorer=Scores(), settings=JobSettings(output_format="jsonl"))
    assert not (tmp_path / "out").exists()
    assert score_files(path, tmp_path / "out", scorer=Scores()).n_rows == 4501


def test_a_bad_row_beside_columns_that_arrow_cannot_take_from_costs_no_other(tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = pa.table(
        {
            "query": pa.array(["q", "q", None, "q"], pa.string_view()),
            "document": ["a", "b", "c", "d"],
            "note": pa.array(list("wxyz"), pa.string_view()),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    result = score_files(tmp_path / "a.parquet", tmp_path / "out", scorer=Scores())
    assert (result.n_rows, result.n_bad) == (3, 1)
    assert pq.read_table(tmp_path / "out" / "scores")["note"].to_pylist() == ["w", "x", "z"]
    assert errors_of(tmp_path / "out")[0]["error"] == "query must be a string, is missing"


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = pa.table([["q"], ["d"], [1], [2]], names=["query", "document", "id", "id"])
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"a\.parquet: columns must have names of their own, 'id' appears twice"):
        score_files(tmp_path / "a.parquet", tmp_path / "out", scorer=Scores())


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_a_run_is_made_of_ids_whatever_stands_beside_them(kind: str, tmp_path: Path) -> None:
    rows = [{"query_id": "1", "document_id": number, **PAIR, "score": 0.5, "rank": 1} for number in range(2)]
    path = tmp_path / f"a.{kind}"
    if kind == "jsonl":
        write_jsonl(path, rows)
    else:
        pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        pq.write_table(pa.Table.from_pylist([{**row, "image": b"x"} for row in rows]), path)
    result = score_files(path, tmp_path / "out", scorer=Scores(), settings=JobSettings(output_format="trec"))
    assert (result.n_rows, result.n_bad) == (2, 0)
    assert {query: list(documents) for query, documents in read_run(Path(result.scores)).items()} == {"1": ["0", "1"]}
    (pair, _) = read_output(tmp_path / "out")
    assert set(pair) == {"row", "query", "document", "score", "truncated", "raw_score"}


def test_numbers_that_json_does_not_have_become_null(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"query": "q", "document": "d", "x": 1e400, "ys": [-1e400, 2.5]}\n{"query": "q", "document": "e"}\n'
    )
    score_files(path, tmp_path / "out", scorer=Fixed([float("-inf"), 0.5]))

    def refuse(name: str) -> None:
        raise AssertionError(name)

    lines = (tmp_path / "out" / "scores" / "part-00000.jsonl").read_text().splitlines()
    first, second = (json.loads(line, parse_constant=refuse) for line in lines)
    assert (first["x"], first["ys"], first["score"], first["rank"]) == (None, [None, 2.5], None, 2)
    assert (second["score"], second["rank"]) == (0.5, 1)


def test_an_id_of_nan_is_none(tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    rows = make_rows(9)
    queries = len({row["query"] for row in rows})
    table = pa.Table.from_pylist(rows).append_column("query_id", pa.array([float("nan")] * 9))
    pq.write_table(table, tmp_path / "a.parquet")
    result = score_files(tmp_path / "a.parquet", tmp_path / "out", scorer=Scores())
    ranks = pq.read_table(result.scores)["rank"].to_pylist()
    assert ranks.count(1) == queries > 1
