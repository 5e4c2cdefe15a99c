"""Whether a file is still the one that it was, told without reading it."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class FileStamp:
    """What tells a file from one that was put in its place, and from itself when it was written to.

    Args:
        device: On which it lies.
        inode: Its number there.
        size: In bytes.
        modified: When it was last written to, in nanoseconds since 1970.
    """

    device: int
    inode: int
    size: int
    modified: int

    @classmethod
    def of(cls, status: os.stat_result) -> "FileStamp":
        """The stamp of a file of this status."""
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def stamp_of(file: Path) -> FileStamp | None:
    """The stamp of the file that lies here, or that a link here leads to; None where there is none."""
    try:
        return FileStamp.of(file.stat())
    except OSError:
        return None
