"""The columns that files of Parquet have in common, so that what is made of them is one table."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from secondpass.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa


def common_schema(schemas: Sequence[tuple[Path, "pa.Schema"]], left_out: frozenset[str]) -> "pa.Schema":
    """The columns of the first file, each of a type that holds every value of it in all of them.

    Args:
        schemas: Of each file, at least one.
        left_out: Columns that do not matter.

    Raises:
        InputError: A file has other columns, or one whose type and another's have none in common.
    """
    import pyarrow as pa  # noqa: PLC0415 - text needs none

    (first, schema), *others = schemas
    kinds = {field.name: field.type for field in schema if field.name not in left_out}
    told_by = dict.fromkeys(kinds, first)
    for path, other in others:
        found = {field.name: field.type for field in other if field.name not in left_out}
        differing = next(iter(kinds.keys() ^ found.keys()), None)
        if differing is not None:
            has, lacks = (first, path) if differing in kinds else (path, first)
            raise _different(f"{has} has the column {differing!r}, {lacks} has not")
        for name, kind in found.items():
            common = _common_type(kinds[name], kind)
            if common is None:
                raise _different(f"the column {name!r} holds {kinds[name]} in {told_by[name]}, {kind} in {path}")
            if common != kinds[name]:
                kinds[name], told_by[name] = common, path
    return pa.schema(list(kinds.items()))


def _different(how: str) -> InputError:
    return InputError(
        f"inputs must have the same columns to become one table of Parquet, {how}: write JSON lines (output_format), "
        "or score them into folders of their own"
    )


def _common_type(kind: "pa.DataType", other: "pa.DataType") -> "pa.DataType | None":
    """The one of two types, without dictionaries where these differ, that holds all values of both; None if neither."""
    import pyarrow as pa  # noqa: PLC0415 - as above

    if kind == other:
        return kind
    kind, other = (one.value_type if pa.types.is_dictionary(one) else one for one in (kind, other))
    return next((wide for wide, narrow in ((kind, other), (other, kind)) if _holds(wide, narrow)), None)


def _holds(wide: "pa.DataType", narrow: "pa.DataType") -> bool:
    """Whether each value of one type is one of another, and `cast` makes it that."""
    import pyarrow as pa  # noqa: PLC0415 - as above

    types = pa.types
    if wide == narrow or types.is_null(narrow):
        return True
    if types.is_large_string(wide) or types.is_large_binary(wide):
        is_of_kind = (
            (types.is_string, types.is_string_view)
            if types.is_large_string(wide)
            else (types.is_binary, types.is_binary_view)
        )
        return any(is_kind(narrow) for is_kind in is_of_kind)
    if types.is_string(wide) or types.is_binary(wide):
        return bool(types.is_string_view(narrow) if types.is_string(wide) else types.is_binary_view(narrow))
    if types.is_signed_integer(wide) and types.is_integer(narrow):
        return bool(wide.bit_width > narrow.bit_width)
    if types.is_unsigned_integer(wide) and types.is_unsigned_integer(narrow):
        return bool(wide.bit_width > narrow.bit_width)
    return bool(types.is_floating(wide) and types.is_floating(narrow) and wide.bit_width > narrow.bit_width)
