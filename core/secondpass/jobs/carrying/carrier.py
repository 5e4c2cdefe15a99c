"""What is asked of whatever takes columns on, whichever kind of output it takes them to."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from secondpass.jobs.rows import Carried

if TYPE_CHECKING:
    import pyarrow as pa


class Carrier(Protocol):
    """Takes columns on to one kind of output."""

    def check_schema(self, schema: "pa.Schema") -> None:
        """Raise InputError where the output cannot hold a column of a table.

        Args:
            schema: The table's, whose columns have names of their own.
        """
        ...

    def of_objects(self, rows: Sequence[Mapping[str, object]]) -> tuple[Carried, Mapping[int, str]]:
        """Columns of rows that come as objects; and by the number of each row that has no place in the output, why."""
        ...

    def of_table(self, table: "pa.Table") -> tuple[Carried, Mapping[int, str]]:
        """As `of_objects`, of rows that come as an Arrow table whose schema has been checked."""
        ...
