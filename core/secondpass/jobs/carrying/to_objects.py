"""Columns on their way to JSON lines, and the ids of a TREC run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TYPE_CHECKING

from secondpass.errors import InputError
from secondpass.jobs.carrying.arrow_values import Nanoseconds, leaf_types, types_within, values_of
from secondpass.jobs.rows import Carried, JsonObjects

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class ToObjects:
    """Takes columns on to JSON lines and TREC runs.

    Args:
        left_out: Columns that are not written.
        only: Those of which nothing else is written; None writes all but `left_out`.
    """

    left_out: frozenset[str] = frozenset()
    only: frozenset[str] | None = None

    def check_schema(self, schema: "pa.Schema") -> None:
        """See `Carrier`."""
        for field in schema:
            if self._writes(field.name):
                rule = _rule_broken(field.type)
                if rule is not None:
                    raise InputError(f"the column {field.name!r} must hold {rule}: write Parquet")

    def of_objects(self, rows: Sequence[Mapping[str, object]]) -> tuple[Carried, Mapping[int, str]]:
        """See `Carrier`."""
        if not self.left_out and self.only is None:
            return JsonObjects(rows), {}
        return JsonObjects([{key: row[key] for key in row if self._writes(key)} for row in rows]), {}

    def of_table(self, table: "pa.Table") -> tuple[Carried, Mapping[int, str]]:
        """See `Carrier`."""
        columns = {name: values_of(table.column(name), name) for name in table.column_names if self._writes(name)}
        rows: list[Mapping[str, object]] = []
        errors: dict[int, str] = {}
        for number in range(table.num_rows):
            row = {name: values[number] for name, values in columns.items()}
            error = next((value for value in row.values() if isinstance(value, InputError)), None)
            if error is None:
                rows.append({name: as_json(value) for name, value in row.items()})
            else:
                errors[number] = str(error)
        return JsonObjects(rows), errors

    def _writes(self, name: str) -> bool:
        return name in self.only if self.only is not None else name not in self.left_out


def as_json(value: object) -> object:
    """A value of an input file as JSON holds it: moments as ISO 8601 writes them, decimal numbers as text.

    JSON has neither NaN nor infinity: these become None.
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    if isinstance(value, datetime | date | time | Nanoseconds):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if isinstance(value, dict):
        return {str(key): as_json(item) for key, item in value.items()}
    return str(value)  # a Decimal, by `_rule_broken`


def _rule_broken(kind: "pa.DataType") -> str | None:
    """What a column must hold for `as_json` to have a place for its values; None where it has, by their Arrow type."""
    import pyarrow as pa  # noqa: PLC0415 - text needs none

    kinds = (
        pa.types.is_null, pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal,
        pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view,
        pa.types.is_date, pa.types.is_time, pa.types.is_timestamp,
    )  # fmt: skip
    if not all(any(is_kind(leaf) for is_kind in kinds) for leaf in leaf_types(kind)):
        return f"what JSON can, holds {kind}"
    for part in types_within(kind):
        if pa.types.is_struct(part):
            names = [field.name for field in part]
            twice = next((name for name in names if names.count(name) > 1), None)
            if twice is not None:
                return f"objects whose fields have names of their own, {twice!r} appears twice"
        if pa.types.is_timestamp(part) and part.tz is not None:
            try:
                pa.scalar(0, pa.timestamp("s", part.tz)).as_py()
            except ValueError:
                return f"moments of a time zone that is known here, {part.tz!r} is not"
    return None
