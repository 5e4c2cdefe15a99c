"""Columns on their way to Parquet, which has types: rows of text have those of the first of them, or no place there."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from secondpass.errors import InputError
from secondpass.jobs.carrying.arrow_values import leaf_types
from secondpass.jobs.rows import Carried

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True, eq=False)
class ArrowColumns:
    """Columns as Parquet has them."""

    table: "pa.Table"

    def slice(self, start: int, stop: int) -> "ArrowColumns":
        """Those of some of the rows."""
        return ArrowColumns(self.table.slice(start, stop - start))

    def __len__(self) -> int:
        """Rows."""
        return int(self.table.num_rows)


@dataclass(frozen=True, slots=True, eq=False)
class ToArrow:
    """Takes columns on to Parquet.

    Args:
        left_out: Columns that are not written.
        schema: The columns that are written, as all files of the job have them; None writes those of a table as they
            are, and no objects.
    """

    left_out: frozenset[str]
    schema: "pa.Schema | None" = None

    def check_schema(self, schema: "pa.Schema") -> None:
        """See `Carrier`: what comes from Parquet can be written as Parquet."""

    def of_objects(self, rows: Sequence[Mapping[str, object]]) -> tuple[Carried, Mapping[int, str]]:
        """See `Carrier`."""
        assert self.schema is not None  # noqa: S101 - a `Job` has one wherever text becomes Parquet
        known = {*self.schema.names, *self.left_out}
        errors = {number: _unknown(more) for number, row in enumerate(rows) if (more := row.keys() - known)}
        if not errors:
            try:
                return ArrowColumns(_table(rows, self.schema)), {}
            except InputError:
                pass  # one by one, to find out which
        kept = []
        for number, row in enumerate(rows):
            if number in errors:
                continue
            try:
                _table([row], self.schema)
            except InputError as error:
                errors[number] = str(error)
            else:
                kept.append(row)
        return ArrowColumns(_table(kept, self.schema)), errors

    def of_table(self, table: "pa.Table") -> tuple[Carried, Mapping[int, str]]:
        """See `Carrier`."""
        left_out = [name for name in table.column_names if name in self.left_out]
        # What pandas and datasets wrote beside the columns speaks of the columns as they were.
        table = table.replace_schema_metadata(None).drop_columns(left_out)
        if self.schema is None:
            return ArrowColumns(table), {}
        for number, name in enumerate(table.column_names):
            kind = self.schema.field(name).type
            if table.column(name).type != kind:  # `common_schema` has found one that holds every value
                table = table.set_column(number, name, table.column(name).cast(kind))
        return ArrowColumns(table.select(self.schema.names)), {}


def schema_of(rows: Sequence[Mapping[str, object]], left_out: frozenset[str]) -> "pa.Schema":
    """The Arrow columns of rows that come as objects, by the first of them.

    Raises:
        InputError: They have no types in common, or one that Parquet does not have.
    """
    import pyarrow as pa  # noqa: PLC0415 - text needs none unless it becomes Parquet

    names = dict.fromkeys(name for row in rows for name in row if name not in left_out)
    columns = []
    for name in names:
        values = [row.get(name) for row in rows]
        try:
            found = _array(values).type
        except (pa.ArrowException, OverflowError, UnicodeError) as error:
            large = _large_integer(values)
            if large is not None:
                raise InputError(
                    f"the column {name!r} must hold {large} to be written as Parquet: write JSON lines"
                ) from error
            raise InputError(
                f"the column {name!r} must hold values of one type to be written as Parquet ({error}): write JSON lines"
            ) from error
        columns.append((name, _of_parquet(found, name)))
    return pa.schema(columns)


def _of_parquet(kind: "pa.DataType", name: str) -> "pa.DataType":
    """The type with text wherever no row says what there is; raise InputError where Parquet has none like it."""
    import pyarrow as pa  # noqa: PLC0415 - as above

    if pa.types.is_null(kind):
        return pa.string()
    if pa.types.is_list(kind):
        return pa.list_(_of_parquet(kind.value_type, name))
    if pa.types.is_struct(kind):
        if not kind.num_fields:
            raise InputError(
                f"the column {name!r} must hold objects with fields to be written as Parquet, all of the first are "
                "empty: write JSON lines"
            )
        return pa.struct([(field.name, _of_parquet(field.type, name)) for field in kind])
    return kind


def _table(rows: Sequence[Mapping[str, object]], schema: "pa.Schema") -> "pa.Table":
    """The rows' columns; raise InputError where a value would be changed by its column's type."""
    import pyarrow as pa  # noqa: PLC0415 - as above

    table = pa.table({"rows": pa.nulls(len(rows))})  # without any column it would not know how many there are
    for field in schema:
        table = table.append_column(field, _column([row.get(field.name) for row in rows], field))
    return table.remove_column(0)


def _column(values: Sequence[object], field: "pa.Field") -> "pa.Array":
    """The values in their column. Told its type, pyarrow makes 1 of 1.5, and drops fields that it does not know."""
    import pyarrow as pa  # noqa: PLC0415 - as above

    try:
        found = _array(values)
        if found.type == field.type:
            return found
        if _holds(field.type, found.type):
            return pa.array(values, field.type)
    except (pa.ArrowException, OverflowError, UnicodeError) as error:
        large = _large_integer(values)
        reason = error if large is None else f"{field.name} must hold {large}"
        raise InputError(f"must have columns like the first rows; {reason}") from error
    raise InputError(f"must have columns like the first rows; {field.name} must be {field.type}, is {found.type}")


def _array(values: Sequence[object]) -> "pa.Array":
    """The values in a type of their own; raise where booleans stand among floats, of which pyarrow would make 1.0."""
    import pyarrow as pa  # noqa: PLC0415 - as above

    found = pa.array(values)
    has_floats = any(pa.types.is_floating(leaf) for leaf in leaf_types(found.type))
    if has_floats and any(_has_boolean_for_float(value, found.type) for value in values):
        raise pa.ArrowTypeError("cannot mix booleans and numbers")
    return found


def _has_boolean_for_float(value: object, kind: "pa.DataType") -> bool:
    import pyarrow as pa  # noqa: PLC0415 - as above

    if isinstance(value, list):
        return any(_has_boolean_for_float(item, kind.value_type) for item in value)
    if isinstance(value, dict):
        return any(_has_boolean_for_float(value.get(field.name), field.type) for field in kind)
    return isinstance(value, bool) and bool(pa.types.is_floating(kind))


def _holds(kind: "pa.DataType", other: "pa.DataType") -> bool:
    """Whether a type has a place for each value of another, or pyarrow refuses those for which it has none."""
    import pyarrow as pa  # noqa: PLC0415 - as above

    if pa.types.is_null(other) or kind == other:
        return True
    if pa.types.is_list(kind) and pa.types.is_list(other):
        return _holds(kind.value_type, other.value_type)
    if pa.types.is_struct(kind) and pa.types.is_struct(other):
        fields = {field.name: field.type for field in kind}
        return all(field.name in fields and _holds(fields[field.name], field.type) for field in other)
    return bool(pa.types.is_floating(kind) and pa.types.is_integer(other))


def _large_integer(values: Iterable[object]) -> str | None:
    """What integers must be, and the first one that pyarrow has no place for; None where there is none."""
    for value in values:
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            return f"integers from -2^63 to 2^63 - 1, got {value}"
        inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        large = _large_integer(inside)
        if large is not None:
            return large
    return None


def _unknown(names: set[str]) -> str:
    return f"must have columns like the first rows, has {', '.join(sorted(names))} as well"
