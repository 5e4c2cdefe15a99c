"""Whether a file holds what it held: by its size and time, and where these differ by its digest."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from secondpass.errors import InputError


@dataclass(frozen=True, slots=True)
class FileDigest:
    """What a file holds, in short.

    Args:
        sha256: Of its content.
        n_bytes: Its size.
        modified: When it was last written, in the system's nanoseconds.
    """

    sha256: str
    n_bytes: int
    modified: int


def file_digest(path: Path, known: FileDigest | None = None) -> FileDigest:
    """The digest of a file.

    Args:
        path: The file.
        known: What is given, and nothing read, while size and time are these.

    Raises:
        InputError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())  # before it is read: what is written meanwhile shows later
            if known is not None and (known.n_bytes, known.modified) == (status.st_size, status.st_mtime_ns):
                return known
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            return FileDigest(sha256, status.st_size, status.st_mtime_ns)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error


def unchanged(path: Path, before: FileDigest) -> FileDigest:
    """The digest of a file that holds what it did, with its time of now: a copy elsewhere may have another.

    Raises:
        InputError: It holds something else, or cannot be read.
    """
    now = file_digest(path, before)
    if now.sha256 != before.sha256:
        raise InputError(f"{path} has changed since the job began")
    return now
