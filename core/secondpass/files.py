"""Text files, gzipped or not, read with the place of every line; names of files; folders to write to."""

import codecs
import gzip
import json
import os
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NoReturn

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


def json_lines(path: Path) -> Iterator[tuple[str, dict[str, object]]]:
    """Each line's JSON object, as ("file:line", object).

    Raises:
        InputError: As `lines` and `json_objects`.
    """
    return json_objects(lines(path))


def json_objects(numbered: Iterable[tuple[str, str]]) -> Iterator[tuple[str, dict[str, object]]]:
    """The JSON object of each line, with the name of the line.

    Args:
        numbered: Lines as `lines` gives them.

    Raises:
        InputError: A line is not a JSON object: not JSON at all, not an object, or one that Python's own reader would
            take though the format has no NaN, or though half of what it says would be lost.
    """
    for where, line in numbered:
        try:
            value = json.loads(line, object_pairs_hook=_each_once, parse_constant=_refuse_constant)
        except RecursionError as error:
            raise _not_json(where, line, "nested too deeply") from error
        except json.JSONDecodeError as error:
            raise _not_json(where, line, error.msg) from error
        except InputError as error:
            raise _not_json(where, line, str(error)) from error
        except ValueError as error:  # Python's guard against numbers that take it minutes to read
            reason = f"a number of more than {sys.get_int_max_str_digits()} digits"
            raise _not_json(where, line, reason) from error
        if not isinstance(value, dict):
            raise InputError(f"{where}: must be a JSON object, got {line[:60]!r}")
        yield where, value


def check_output_folder(folder: Path | None, flag: str = "--output") -> None:
    """Raise InputError unless files can be written to `folder`, there already or not: asked before any work."""
    if folder is None:
        return
    nearest = next(path for path in (folder, *folder.absolute().parents) if os.path.lexists(path))
    if not nearest.is_dir():
        what = "something that is not one" if nearest == folder else f"a path through {nearest}, which is not one"
        raise InputError(f"{flag} must be a folder or a new path, got {what}: {folder}")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise InputError(f"{flag} must be a folder that can be written to, which {nearest} is not")


def printable(name: str) -> str:
    r"""A name that every stream, font and file of text can hold: bytes that are no text are written as `\udce9`."""
    return name.encode(errors="backslashreplace").decode()


def _check_not_empty(packed: gzip.GzipFile) -> None:
    """Raise EOFError where a file has no byte, which gzip takes for a packed file of nothing."""
    if not os.fstat(packed.fileno()).st_size:
        raise EOFError("it is empty")


def _each_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object of these keys and values; raise InputError where a key appears twice."""
    value = dict(pairs)
    if len(value) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for number, key in enumerate(keys) if key in keys[:number])
        raise InputError(f"{twice} appears twice")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise InputError(f"{name} is not a JSON value")


def _not_json(where: str, line: str, reason: str) -> InputError:
    return InputError(f"{where}: must be JSON, got {line[:60]!r} ({reason})")
