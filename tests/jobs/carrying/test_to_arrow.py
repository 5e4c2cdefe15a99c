"""Columns of text on their way to Parquet: they come out as they went in, or their row is told of."""

import re
from typing import Any

import pytest

from secondpass.errors import InputError
from secondpass.jobs.carrying.to_arrow import ToArrow, schema_of

FIRST: dict[str, Any] = {
    "id": 1, "none": None, "tags": ["a"], "x": 1.5, "price": {"eur": 12},
    "parts": [{"n": 1, "unknown": None, "share": 0.5}], "is_new": True, "rates": [0.5],
}  # fmt: skip


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
    assert errors == {
        1: "must have columns like the first rows; id must be int64, is string",
        2: "must have columns like the first rows, has y as well",
    }


@pytest.mark.parametrize(
    "other",
    [
        {"id": 1.5},
        {"id": True},
        {"id": 2**70},
        {"x": 2**53 + 1},
        {"x": True},
        {"rates": [True]},
        {"parts": [{"n": 1, "share": False}]},
        {"none": 1},
        {"tags": [1]},
        {"tags": ["a", ["b"]]},
        {"tags": "a"},
        {"price": {"eur": 12.99}},
        {"price": {"eur": 12, "usd": 13}},
        {"parts": [{"n": 1}, {"n": 1.5}]},
        {"parts": [{"n": 1, "unknown": 2}]},
        {"parts": {"n": 1}},
        {"is_new": 1},
        {"is_new": "\ud800"},
    ],
)
def test_a_value_that_has_no_place_in_its_column_is_told_of_and_never_changed(other: dict[str, Any]) -> None:
    pytest.importorskip("pyarrow")
    carrier = ToArrow(frozenset(), schema_of([FIRST], frozenset()))
    carried, errors = carrier.of_objects([FIRST, {**FIRST, **other}, FIRST])
    assert list(errors) == [1]
    assert errors[1].startswith("must have columns like the first rows")
    assert carried.slice(0, 9).table.to_pylist() == [FIRST, FIRST]  # type: ignore[attr-defined] # Arrow's


def test_what_has_a_place_in_its_column_comes_out_as_it_is() -> None:
    pytest.importorskip("pyarrow")
    carrier = ToArrow(frozenset(), schema_of([FIRST], frozenset()))
    others: list[dict[str, Any]] = [
        {"x": 2}, {"tags": []}, {"price": {}}, {"price": None},
        {"parts": [{"unknown": "known", "n": 3, "share": 1}, None]},
    ]  # fmt: skip
    carried, errors = carrier.of_objects([{**FIRST, **other} for other in others])
    assert not errors
    assert carried.slice(0, 9).table.to_pylist() == [  # type: ignore[attr-defined] # Arrow's
        {**FIRST, **other, **({"price": {"eur": None}} if other.get("price") == {} else {})} for other in others
    ]


def test_columns_that_parquet_does_not_have_are_refused() -> None:
    pytest.importorskip("pyarrow")
    for values in ((1, "a"), (0.5, True)):
        with pytest.raises(InputError, match="the column 'id' must hold values of one type to be written as Parquet"):
            schema_of([{"id": value} for value in values], frozenset())
    with pytest.raises(InputError, match="the column 'meta' must hold objects with fields to be written as Parquet"):
        schema_of([{"meta": [{}]}], frozenset())


def test_rows_without_columns_are_counted_all_the_same() -> None:
    pytest.importorskip("pyarrow")
    carrier = ToArrow(frozenset({"query"}), schema_of([], frozenset()))
    carried, errors = carrier.of_objects([{"query": "q"}, {"query": "r"}])
    assert (len(carried), errors) == (2, {})


@pytest.mark.parametrize("large", [2**63, -(2**63) - 1, 10**30])
@pytest.mark.parametrize("wrap", [lambda n: n, lambda n: [n], lambda n: {"a": [1, n]}], ids=["alone", "list", "object"])
def test_integers_that_are_too_large_for_parquet_are_told_of_as_such(large: int, wrap: Any) -> None:
    pytest.importorskip("pyarrow")
    rule = rf"must hold integers from -2\^63 to 2\^63 - 1, got {large}"
    with pytest.raises(InputError, match=f"the column 'n' {rule} to be written as Parquet: write JSON lines"):
        schema_of([{"n": wrap(1)}, {"n": wrap(large)}], frozenset())
    carrier = ToArrow(frozenset(), schema_of([{"n": wrap(1)}], frozenset()))
    _, errors = carrier.of_objects([{"n": wrap(2**63 - 1)}, {"n": wrap(large)}])
    assert list(errors) == [1]
    assert re.fullmatch(rf"must have columns like the first rows; n {rule}", errors[1])
