"""Values of Arrow columns as Python objects; Python lacks some of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time
from typing import TYPE_CHECKING

from secondpass.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Nanoseconds:
    """A moment, or a time of day, that is finer than Python's own.

    Args:
        microseconds: It, down to the microsecond.
        rest: What it is later than that, from 1 to 999 nanoseconds.
    """

    microseconds: datetime | time
    rest: int

    def isoformat(self) -> str:
        """It in ISO 8601, with nine digits of a second."""
        text = self.microseconds.isoformat(timespec="microseconds")
        n_before_zone = len(self.microseconds.replace(tzinfo=None).isoformat(timespec="microseconds"))
        return f"{text[:n_before_zone]}{self.rest:03}{text[n_before_zone:]}"

    def __str__(self) -> str:
        return self.isoformat()


def values_of(column: "pa.ChunkedArray", name: str) -> list[object]:
    """A column's values; an InputError stands for one that Python does not have, and says why.

    Args:
        column: Of any type.
        name: Its name.
    """
    if _has_nanoseconds(column.type):
        return [value_of(scalar, name) for scalar in column]
    try:
        values: list[object] = column.to_pylist()
    except (ValueError, OverflowError):  # one by one, to find out which
        return [value_of(scalar, name) for scalar in column]
    return values


def value_of(scalar: "pa.Scalar", name: str) -> object:
    """One of the values that `values_of` gives."""
    try:
        return _python(scalar)
    except UnicodeDecodeError:
        return InputError("must be UTF-8 text")
    except (ValueError, OverflowError) as error:  # such as a moment of the year 38,505
        return InputError(f"the column {name!r} must hold values that Python has: {error}")


def leaf_types(kind: "pa.DataType") -> Iterator["pa.DataType"]:
    """The types of the plain values that a value of an Arrow type is made of: itself where it is one."""
    import pyarrow as pa  # noqa: PLC0415 - text needs none

    return (part for part in types_within(kind) if not _inside(part) and not pa.types.is_nested(part))


def types_within(kind: "pa.DataType") -> Iterator["pa.DataType"]:
    """An Arrow type and, at any depth, those that its values are made of."""
    yield kind
    for part in _inside(kind):
        yield from types_within(part)


def _inside(kind: "pa.DataType") -> list["pa.DataType"]:
    """The types that the values of an Arrow type are made of; none where they are plain ones."""
    import pyarrow as pa  # noqa: PLC0415 - text needs none

    if isinstance(kind, pa.BaseExtensionType):
        return [kind.storage_type]
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return [kind.value_type]
    return [kind.field(number).type for number in range(kind.num_fields)] if pa.types.is_nested(kind) else []


def _python(scalar: "pa.Scalar") -> object:
    """The value as Python has it, and `Nanoseconds` for what Python has not.

    Left to itself, pyarrow makes of nanoseconds what pandas has for them, an error where that is not installed, and of
    times of day microseconds.
    """
    import pyarrow as pa  # noqa: PLC0415 - as above

    kind = scalar.type
    if not scalar.is_valid or not _has_nanoseconds(kind):
        return scalar.as_py()
    if pa.types.is_timestamp(kind) or pa.types.is_time64(kind):
        microseconds, rest = divmod(scalar.value, 1000)
        coarser = pa.timestamp("us", kind.tz) if pa.types.is_timestamp(kind) else pa.time64("us")
        value = pa.scalar(microseconds, coarser).as_py()
        return Nanoseconds(value, rest) if rest else value
    if pa.types.is_struct(kind):
        fields = {name: _python(value) for name, value in scalar.items()}
        if len(fields) < kind.num_fields:
            raise ValueError("two fields of an object have one name")
        return fields
    if pa.types.is_map(kind):
        return [tuple(_python(part) for part in entry.values()) for entry in scalar.values]
    if isinstance(scalar, pa.ListScalar):
        return [_python(item) for item in scalar.values]
    return _python(scalar.value)


def _has_nanoseconds(kind: "pa.DataType") -> bool:
    """Whether there are moments or times of day in an Arrow type that are counted in nanoseconds."""
    import pyarrow as pa  # noqa: PLC0415 - as above

    return any(
        (pa.types.is_timestamp(leaf) or pa.types.is_time64(leaf)) and leaf.unit == "ns" for leaf in leaf_types(kind)
    )
