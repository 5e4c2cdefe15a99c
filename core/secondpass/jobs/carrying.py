"""How the columns of rows come to the output: from either kind of input to either kind of output."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from secondpass.errors import InputError
from secondpass.jobs.rows import Carried, JsonObjects

if TYPE_CHECKING:
    import pyarrow as pa


class Carrier(Protocol):
    """Takes columns on to one kind of output."""

    def of_objects(self, rows: Sequence[Mapping[str, object]]) -> tuple[Carried, Mapping[int, str]]:
        """Columns of rows that come as objects; and by the number of each row that has no place in the output, why."""
        ...

    def of_table(self, table: "pa.Table") -> tuple[Carried, Mapping[int, str]]:
        """As `of_objects`, of rows that come as an Arrow table.

        Raises:
            InputError: The output cannot hold values of such a type.
        """
        ...


@dataclass(frozen=True, slots=True)
class ToObjects:
    """Takes columns on to JSON lines and TREC runs.

    Args:
        left_out: Columns that are not written.
    """

    left_out: frozenset[str]

    def of_objects(self, rows: Sequence[Mapping[str, object]]) -> tuple[Carried, Mapping[int, str]]:
        """See `Carrier`."""
        if not self.left_out:
            return JsonObjects(rows), {}
        return JsonObjects([{key: row[key] for key in row if key not in self.left_out} for row in rows]), {}

    def of_table(self, table: "pa.Table") -> tuple[Carried, Mapping[int, str]]:
        """See `Carrier`."""
        table = _without(table, self.left_out)
        errors: dict[int, str] = {}
        try:
            rows = table.to_pylist()
        except UnicodeDecodeError:  # one by one, to find out which
            rows = []
            for number in range(table.num_rows):
                try:
                    rows += table.slice(number, 1).to_pylist()
                except UnicodeDecodeError:
                    errors[number] = "must be UTF-8 text, is not"
        return JsonObjects([{name: _as_json(value, name) for name, value in row.items()} for row in rows]), errors


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
        schema: The columns of rows that come as objects; None where none do.
    """

    left_out: frozenset[str]
    schema: "pa.Schema | None" = None

    def of_objects(self, rows: Sequence[Mapping[str, object]]) -> tuple[Carried, Mapping[int, str]]:
        """See `Carrier`."""
        import pyarrow as pa  # noqa: PLC0415 - text needs none unless it becomes Parquet

        if self.schema is None:
            raise InputError("rows that come as objects need a schema")
        known = {*self.schema.names, *self.left_out}
        errors = {number: _unknown(more) for number, row in enumerate(rows) if (more := row.keys() - known)}
        try:
            if not errors:
                return ArrowColumns(pa.Table.from_pylist(list(rows), self.schema)), {}
        except (pa.ArrowException, OverflowError, UnicodeError):
            pass  # one by one, to find out which
        for number, row in enumerate(rows):
            try:
                pa.Table.from_pylist([dict(row)], self.schema)
            except (pa.ArrowException, OverflowError, UnicodeError) as error:
                errors.setdefault(number, f"must have columns like the first rows; {error}")
        kept = [dict(row) for number, row in enumerate(rows) if number not in errors]
        return ArrowColumns(pa.Table.from_pylist(kept, self.schema)), errors

    def of_table(self, table: "pa.Table") -> tuple[Carried, Mapping[int, str]]:
        """See `Carrier`."""
        # What pandas and datasets wrote beside the columns speaks of those of before.
        return ArrowColumns(_without(table.replace_schema_metadata(None), self.left_out)), {}


def schema_of(rows: Sequence[Mapping[str, object]], left_out: frozenset[str]) -> "pa.Schema":
    """The Arrow columns of rows that come as objects, by the first of them.

    Raises:
        InputError: They have no types in common.
    """
    import pyarrow as pa  # noqa: PLC0415 - as above

    names = dict.fromkeys(name for row in rows for name in row if name not in left_out)
    columns = []
    for name in names:
        try:
            found = pa.array([row.get(name) for row in rows]).type
        except (pa.ArrowException, OverflowError, UnicodeError) as error:
            raise InputError(
                f"the column {name!r} must hold values of one type to be written as Parquet ({error}): write JSON lines"
            ) from error
        columns.append((name, pa.string() if pa.types.is_null(found) else found))
    return pa.schema(columns)


def _without(table: "pa.Table", columns: frozenset[str]) -> "pa.Table":
    return table.drop_columns([name for name in table.column_names if name in columns])


def _unknown(names: set[str]) -> str:
    return f"must have columns like the first rows, has {', '.join(sorted(names))} as well"


def _as_json(value: object, name: str) -> object:
    """A value of an Arrow column as JSON holds it."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None  # neither NaN nor infinity is JSON
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, list | tuple):
        return [_as_json(item, name) for item in value]
    if isinstance(value, dict):
        return {str(key): _as_json(item, name) for key, item in value.items()}
    raise InputError(f"the column {name!r} must hold what JSON can, got {type(value).__name__}: write Parquet")
