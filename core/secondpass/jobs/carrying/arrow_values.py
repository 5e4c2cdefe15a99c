"""Values of Arrow columns as Python objects; Python lacks some of them."""

from typing import TYPE_CHECKING

from secondpass.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa


def values_of(column: "pa.ChunkedArray", name: str) -> list[object]:
    """A column's values; an InputError stands for one that Python does not have, and says why.

    Args:
        column: Of any type.
        name: Its name.
    """
    try:
        values: list[object] = column.to_pylist()
    except (ValueError, OverflowError):  # one by one, to find out which
        return [value_of(scalar, name) for scalar in column]
    return values


def value_of(scalar: "pa.Scalar", name: str) -> object:
    """One of the values that `values_of` gives."""
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        return InputError("must be UTF-8 text")
    except (ValueError, OverflowError) as error:  # such as a moment of the year 38,505
        return InputError(f"the column {name!r} must hold values that Python has: {error}")
