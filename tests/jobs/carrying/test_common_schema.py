"""Which columns of Parquet files are one table's: a value is never changed by it, and what differs is named."""

from pathlib import Path
from typing import Any

import pytest

from secondpass.errors import InputError
from secondpass.jobs.carrying.common_schema import common_schema
from secondpass.jobs.carrying.to_arrow import ArrowColumns, ToArrow

pa: Any = pytest.importorskip("pyarrow")

TEXT = pa.string()
# Two types, and the one that takes in all values of both.
COMMON = [
    (TEXT, pa.large_string(), pa.large_string()),
    (pa.string_view(), TEXT, TEXT),
    (pa.dictionary(pa.int8(), TEXT), TEXT, TEXT),
    (pa.dictionary(pa.int32(), TEXT), pa.dictionary(pa.int32(), pa.large_string()), pa.large_string()),
    (pa.null(), pa.struct([("a", pa.int8())]), pa.struct([("a", pa.int8())])),
    (pa.null(), pa.list_(TEXT), pa.list_(TEXT)),
    (pa.int32(), pa.int64(), pa.int64()),
    (pa.uint32(), pa.int64(), pa.int64()),
    (pa.uint8(), pa.uint16(), pa.uint16()),
    (pa.float16(), pa.float64(), pa.float64()),
    (pa.binary(), pa.large_binary(), pa.large_binary()),
    (pa.binary_view(), pa.large_binary(), pa.large_binary()),
]
NONE_COMMON = [
    (TEXT, pa.int64()),
    (pa.int64(), pa.float64()),
    (pa.uint64(), pa.int64()),
    (pa.binary(), TEXT),
    (pa.timestamp("us"), pa.timestamp("ns")),
    (pa.list_(pa.int8()), pa.list_(pa.int16())),
    (pa.struct([("a", TEXT)]), pa.struct([("b", TEXT)])),
]
A, B = Path("a.parquet"), Path("b.parquet")


@pytest.mark.parametrize(("one", "other", "expected"), COMMON, ids=str)
def test_a_type_takes_in_all_values_of_two_in_either_order(one: Any, other: Any, expected: Any) -> None:
    for kinds in ((one, other), (other, one)):
        files = [(path, pa.schema([("x", kind)])) for path, kind in zip((A, B), kinds, strict=True)]
        schema = common_schema(files, frozenset())
        assert schema == pa.schema([("x", expected)])
        for kind in kinds:
            table = pa.table({"x": pa.nulls(2, kind)})
            carried, errors = ToArrow(frozenset(), schema).of_table(table)
            assert isinstance(carried, ArrowColumns)
            assert (carried.table.schema, errors) == (schema, {})


@pytest.mark.parametrize(("one", "other"), NONE_COMMON, ids=str)
def test_types_of_which_neither_takes_in_the_other_are_refused(one: Any, other: Any) -> None:
    files = [(A, pa.schema([("n", TEXT), ("x", one)])), (B, pa.schema([("n", TEXT), ("x", other)]))]
    with pytest.raises(InputError) as caught:
        common_schema(files, frozenset())
    assert f"the column 'x' holds {one} in a.parquet, {other} in b.parquet: write JSON lines" in str(caught.value)
    assert common_schema(files, frozenset({"x"})) == pa.schema([("n", TEXT)])


def test_a_column_that_not_all_have_is_refused_and_their_order_does_not_matter() -> None:
    small, large = pa.schema([("n", TEXT), ("m", TEXT)]), pa.schema([("m", TEXT), ("n", TEXT), ("lang", TEXT)])
    for files in ([(A, small), (B, large)], [(B, large), (A, small)]):
        with pytest.raises(InputError, match=r"b\.parquet has the column 'lang', a\.parquet has not: write JSON lines"):
            common_schema(files, frozenset())
        assert common_schema(files, frozenset({"lang"})).names == [n for n in files[0][1].names if n != "lang"]
