"""Columns on their way from one kind of file to the other."""

from typing import Any

import pytest

from secondpass.errors import InputError
from secondpass.jobs.carrying import ToArrow, schema_of


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
