"""Columns of tables on their way to JSON lines: what JSON has no place for is told of before a job begins."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from secondpass.errors import InputError
from secondpass.jobs.carrying.to_objects import ToObjects
from secondpass.jobs.rows import JsonObjects


def objects_of(table: Any, carrier: ToObjects) -> Any:
    carried, errors = carrier.of_table(table)
    assert isinstance(carried, JsonObjects)
    return carried.objects, errors


def test_values_become_what_json_has() -> None:
    pa = pytest.importorskip("pyarrow")
    day = dt.date(2024, 2, 29)
    table = pa.table(
        {
            "day": [day], "price": [Decimal("1.10")], "x": [float("nan")], "ys": [[1.5, float("-inf")]],
            "o": [{"at": dt.datetime(2024, 2, 29, 12, tzinfo=dt.UTC)}],
            "m": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int8())),
            "half": pa.array([0.5], pa.float16()), "kind": pa.array(["a"]).dictionary_encode(),
        }
    )  # fmt: skip
    carrier = ToObjects()
    carrier.check_schema(table.schema)
    assert objects_of(table, carrier) == (
        [
            {
                "day": "2024-02-29", "price": "1.10", "x": None, "ys": [1.5, None],
                "o": {"at": "2024-02-29T12:00:00+00:00"}, "m": [["k", 1]], "half": 0.5, "kind": "a",
            }
        ],
        {},
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["binary", "[binary]", "{binary}", "duration", "fixed"])
def test_columns_that_json_does_not_have_are_refused_by_their_type(kind: str) -> None:
    pa = pytest.importorskip("pyarrow")
    kinds = {
        "binary": pa.binary(), "[binary]": pa.list_(pa.binary()), "{binary}": pa.struct([("b", pa.large_binary())]),
        "duration": pa.duration("s"), "fixed": pa.binary(16),
    }  # fmt: skip
    schema = pa.schema([("query_id", pa.string()), ("value", kinds[kind])])
    with pytest.raises(InputError, match=r"the column 'value' must hold what JSON can, holds .*: write Parquet"):
        ToObjects().check_schema(schema)
    ToObjects(left_out=frozenset({"value"})).check_schema(schema)
    ToObjects(only=frozenset({"query_id"})).check_schema(schema)


def test_a_value_that_python_does_not_have_costs_its_row_alone() -> None:
    pa = pytest.importorskip("pyarrow")
    table = pa.table({"id": [1, 2, 3], "when": pa.array([0, 2**60, None], pa.timestamp("us"))})
    rows, errors = objects_of(table, ToObjects())
    assert rows == [{"id": 1, "when": "1970-01-01T00:00:00"}, {"id": 3, "when": None}]
    assert errors == {1: "the column 'when' must hold values that Python has: date value out of range"}
