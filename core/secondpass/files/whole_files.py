"""Files that are there whole or not at all, whatever ends the process that writes them."""

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

# What the names of files end in that are being written, or were when their writer was killed.
UNFINISHED: Final = ".unfinished"


@contextmanager
def written_whole(path: Path, *, empty: bool = True) -> Iterator[Path]:
    """Another name to write a file under: in the end it takes the place of `path`, on the disk, or it is removed.

    Any number of processes may write the same file; the last one's stays.

    Args:
        path: The file.
        empty: Whether a file may be empty; otherwise there is none where nothing was written.

    Raises:
        OSError: The file cannot take its place, or somebody has removed what was written; it has the file's name. What
            is raised meanwhile goes through as it is.
    """
    unfinished = path.with_name(f".{path.name}.{uuid4().hex}{UNFINISHED}")
    try:
        yield unfinished
        with writing_to(path):
            with unfinished.open("rb") as file:
                os.fsync(file.fileno())
            if empty or unfinished.stat().st_size:
                unfinished.replace(path)
            else:
                path.unlink(missing_ok=True)
            _sync_folder(path.parent)
    finally:
        with suppress(OSError):
            unfinished.unlink()


@contextmanager
def writing_to(path: Path) -> Iterator[None]:
    """Give the system's errors the name of the file that is to be written: who reads of a full disk looks for that.

    Raises:
        OSError: The system's, with the file's name.
    """
    try:
        yield
    except OSError as error:
        number = errno.EIO if error.errno is None else error.errno
        raise OSError(number, os.strerror(number), str(path)) from error


def write_text(path: Path, text: str) -> None:
    """Write text whole: what was there before stays until all of it is on the disk.

    Bytes of files' names that are no text are written as escapes.

    Raises:
        OSError: The system's, with the file's name.
    """
    # A link, a device or a pipe, such as /dev/stdout, is somebody's way to another place, and must stay there.
    stands_elsewhere = path.is_symlink() or (path.exists() and not path.is_file())
    with nullcontext(path) if stands_elsewhere else written_whole(path) as written, writing_to(path):
        written.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(path: Path, content: object) -> None:
    """Write JSON whole, as `write_text`."""
    write_text(path, json.dumps(content, ensure_ascii=False) + "\n")


def remove_unfinished(*folders: Path) -> None:
    """Remove what killed processes left of files they were writing."""
    for folder in folders:
        for file in folder.glob(f".*{UNFINISHED}"):
            file.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Have the system write a folder's new names to the disk, where folders can be opened for that."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
