"""Columns of tables on their way to JSON lines: what JSON has no place for is told of before a job begins."""

import datetime as dt
import textwrap
from decimal import Decimal
from typing import Any

import pytest
from programs import run_python

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


@pytest.mark.parametrize("at", ["alone", "in a list"])
def test_columns_of_which_python_has_no_value_are_refused_before_any_row(at: str) -> None:
    pa = pytest.importorskip("pyarrow")
    for kind, message in (
        (pa.struct([("a", pa.int8()), ("b", pa.int8()), ("a", pa.int8())]), "'a' appears twice: write Parquet"),
        (pa.timestamp("us", "Nowhere/Land"), "of a time zone that is known here, 'Nowhere/Land' is not: write Parquet"),
    ):
        schema = pa.schema([("value", kind if at == "alone" else pa.list_(kind))])
        with pytest.raises(InputError, match=f"the column 'value' must hold .*{message}"):
            ToObjects().check_schema(schema)
    known = [pa.timestamp("ns", "Europe/Berlin"), pa.timestamp("s", "+05:30"), pa.struct([])]
    ToObjects().check_schema(pa.schema([(str(number), kind) for number, kind in enumerate(known)]))


def test_a_value_that_python_does_not_have_costs_its_row_alone() -> None:
    pa = pytest.importorskip("pyarrow")
    table = pa.table({"id": [1, 2, 3], "when": pa.array([0, 2**60, None], pa.timestamp("us"))})
    rows, errors = objects_of(table, ToObjects())
    assert rows == [{"id": 1, "when": "1970-01-01T00:00:00"}, {"id": 3, "when": None}]
    assert errors == {1: "the column 'when' must hold values that Python has: date value out of range"}


def test_moments_and_times_keep_their_nanoseconds_wherever_they_stand() -> None:
    pa = pytest.importorskip("pyarrow")
    moment = pa.timestamp("ns")
    # 1,577,836,800 seconds after 1970 began 2020, as `date -u -d @1577836800` says.
    nanoseconds = [1577836800000000001, 1577836800000001000, -1, None]
    moments = pa.array(nanoseconds, moment)
    table = pa.table(
        {
            "moment": moments,
            "berlin": pa.array(nanoseconds, pa.timestamp("ns", "Europe/Berlin")),
            "time": pa.array([1, 86399999999999, 1000, None], pa.time64("ns")),
            "list": pa.array([[1], [], [None], None], pa.list_(moment)),
            "two": pa.array([[1, 2]] * 4, pa.list_(moment, 2)),
            "object": pa.array([{"at": 1, "n": 1}, None, {"at": None, "n": 2}, {"at": 0, "n": 3}],
                               pa.struct([("at", moment), ("n", pa.int8())])),
            "map": pa.array([[("k", 1)], [], None, [("k", None)]], pa.map_(pa.string(), moment)),
            "again": moments.dictionary_encode(),
        }
    )  # fmt: skip
    ToObjects().check_schema(table.schema)
    rows, errors = objects_of(table, ToObjects())
    assert errors == {}
    assert [row["moment"] for row in rows] == [
        "2020-01-01T00:00:00.000000001", "2020-01-01T00:00:00.000001", "1969-12-31T23:59:59.999999999", None,
    ]  # fmt: skip
    assert [row["again"] for row in rows] == [row["moment"] for row in rows]
    assert [row["berlin"] for row in rows] == [
        "2020-01-01T01:00:00.000000001+01:00", "2020-01-01T01:00:00.000001+01:00",
        "1970-01-01T00:59:59.999999999+01:00", None,
    ]  # fmt: skip
    assert [row["time"] for row in rows] == ["00:00:00.000000001", "23:59:59.999999999", "00:00:00.000001", None]
    first = "1970-01-01T00:00:00.000000001"
    assert [row["list"] for row in rows] == [[first], [], [None], None]
    assert rows[0]["two"] == [first, "1970-01-01T00:00:00.000000002"]
    objects = [{"at": first, "n": 1}, None, {"at": None, "n": 2}, {"at": "1970-01-01T00:00:00", "n": 3}]
    assert [row["object"] for row in rows] == objects
    assert [row["map"] for row in rows] == [[["k", first]], [], None, [["k", None]]]


def test_nanoseconds_need_no_pandas() -> None:
    pytest.importorskip("pyarrow")
    program = """
        import sys

        class WithoutPandas:
            def find_spec(self, name, *_):
                if name == "pandas":
                    raise ModuleNotFoundError(name=name)

        sys.meta_path.insert(0, WithoutPandas())
        import pyarrow as pa

        from secondpass.jobs.carrying.to_objects import ToObjects

        carried, errors = ToObjects().of_table(pa.table({"at": pa.array([1], pa.timestamp("ns"))}))
        print(list(carried.objects), errors)
    """
    ran = run_python(textwrap.dedent(program))
    assert ran.stdout == "[{'at': '1970-01-01T00:00:00.000000001'}] {}\n", ran.stderr
