"""Text files, gzipped or not, read with the place of every line; and the documents in their rows."""

import codecs
import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from secondpass.errors import InputError


def read_text(path: Path) -> str:
    """A whole file; every line ends in a line feed, whatever it ends in on disk.

    Raises:
        InputError: The file cannot be read, is not UTF-8, or is not the gzip file its name promises.
    """
    with _open(path) as file:
        return decode(file.read(), str(path))


def decode(content: bytes, name: str) -> str:
    """The text of a file's bytes, as `read_text` gives it; `name` is what errors call the file."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: must be UTF-8 text, is not at byte {error.start}") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def lines(path: Path) -> Iterator[tuple[str, str]]:
    """Each line that is not blank, as ("file:line", text without its line end).

    Raises:
        InputError: As `read_text`.
    """
    with _open(path) as file:
        for number, raw in enumerate(file, 1):
            try:
                line = (raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw).decode()
            except UnicodeDecodeError as error:
                raise InputError(f"{path}:{number}: must be UTF-8 text, is not at byte {error.start}") from error
            if line.strip():
                yield f"{path}:{number}", line.rstrip("\r\n")


def json_lines(path: Path) -> Iterator[tuple[str, dict[str, object]]]:
    """Each line's JSON object, as ("file:line", object).

    Raises:
        InputError: As `lines`, or a line is not a JSON object.
    """
    return json_objects(lines(path))


def json_objects(numbered: Iterable[tuple[str, str]]) -> Iterator[tuple[str, dict[str, object]]]:
    """The JSON object of each line, with the name of the line.

    Args:
        numbered: Lines as `lines` gives them.

    Raises:
        InputError: A line is not a JSON object.
    """
    for where, line in numbered:
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            raise InputError(f"{where}: must be JSON, got {line[:60]!r} ({error.msg})") from error
        if not isinstance(value, dict):
            raise InputError(f"{where}: must be a JSON object, got {line[:60]!r}")
        yield where, value


def with_title(title: str, text: str) -> str:
    """A document as a model reads it: its title, if it has one, then its text."""
    return f"{title} {text}" if title else text


@contextmanager
def _open(path: Path) -> Iterator[IO[bytes] | gzip.GzipFile]:
    try:
        file: IO[bytes] | gzip.GzipFile
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield file
    except FileNotFoundError as error:
        raise InputError(f"no such file: {path}") from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{path}: must be a whole gzip file, as its name says; {error}") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
