"""What a job asks of an input file, whatever its format: to be divided into shards, and the rows of one of them."""

from collections.abc import Iterator
from typing import Final, Protocol

from secondpass.errors import InputError
from secondpass.jobs.rows import RowBlock
from secondpass.jobs.shards import Shard

# Rows that are read together, and the characters of all their columns but for the last row's: as scorers take them.
BLOCK_ROWS: Final = 4096
BLOCK_CHARACTERS: Final = 2**24


class DamagedFileError(InputError):
    """Rows of a file will never be readable, however often it is tried."""


class InputFile(Protocol):
    """An input file that is there and of a readable format."""

    def divide(self, file: int, first_number: int) -> Iterator[Shard]:
        """The file's shards, in order.

        Args:
            file: The number of the file, among those of the job.
            first_number: That of the first shard.

        Raises:
            InputError: The file cannot be read to its end.
        """
        ...

    def blocks(self, shard: Shard) -> Iterator[RowBlock]:
        """The rows of a shard; those after the last one that was read are the quickest to come by.

        Raises:
            InputError: The file cannot be read on, for now or since it has changed.
            DamagedFileError: It is the file's content that cannot be read.
        """
        ...
