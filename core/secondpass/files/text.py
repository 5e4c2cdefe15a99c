"""Text files, gzipped or not, read with the place of every line."""

import codecs
import gzip
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from secondpass.errors import InputError


def read_text(path: Path) -> str:
    """A whole file; every line ends in a line feed, whatever it ends in on disk.

    Raises:
        InputError: The file cannot be read, is not UTF-8, or is not the gzip file its name promises.
    """
    with open_binary(path) as file:
        return decode(file.read(), str(path))


def decode(content: bytes, name: str) -> str:
    """The text of a file's bytes, as `read_text` gives it; `name` is what errors call the file."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: must be UTF-8 text; invalid byte at offset {error.start}") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


@contextmanager
def open_binary(path: Path) -> Iterator[IO[bytes] | gzip.GzipFile]:
    """A file's bytes, unpacked where its name ends in .gz; also what goes wrong while they are read is an InputError.

    Raises:
        InputError: The file cannot be read, or is not the gzip file its name promises.
    """
    try:
        file: IO[bytes] | gzip.GzipFile
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
            if isinstance(file, gzip.GzipFile):
                _check_not_empty(file)
            yield file
    except FileNotFoundError as error:
        raise InputError(f"no such file: {path}") from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{path}: must be a whole gzip file, as its name says; {error}") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error


def lines(path: Path) -> Iterator[tuple[str, str]]:
    """Each line that is not blank, as ("file:line", text without its line end).

    Raises:
        InputError: As `read_text`.
    """
    with open_binary(path) as file:
        for number, raw in enumerate(file, 1):
            try:
                line = (raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw).decode()
            except UnicodeDecodeError as error:
                raise InputError(
                    f"{path}:{number}: must be UTF-8 text; invalid byte at offset {error.start}"
                ) from error
            if line.strip():
                yield f"{path}:{number}", line.rstrip("\r\n")


def _check_not_empty(packed: gzip.GzipFile) -> None:
    """Raise EOFError where a file has no byte, which gzip takes for a packed file of nothing."""
    if not os.fstat(packed.fileno()).st_size:
        raise EOFError("it is empty")
