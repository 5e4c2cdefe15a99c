"""Text files, gzipped or not, whose every line knows where it stands."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

from secondpass.errors import InputError


def lines(path: Path) -> Iterator[tuple[str, str]]:
    """Each line that is not blank, as ("file:line", text without its end).

    Raises:
        InputError: The file is missing, not UTF-8, or not the gzip file its name promises.
    """
    number = 0
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield f"{path}:{number}", line.rstrip("\r\n")
    except FileNotFoundError as error:
        raise InputError(f"no such file: {path}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: must be UTF-8 text, is not after line {number}") from error
    except (gzip.BadGzipFile, EOFError) as error:
        raise InputError(f"{path}: must be a whole gzip file, as its name says; {error}") from error


def json_lines(path: Path) -> Iterator[tuple[str, dict[str, object]]]:
    """Each line's JSON object, with where it stands.

    Raises:
        InputError: As `lines`, or a line is no JSON object.
    """
    for where, line in lines(path):
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            raise InputError(f"{where}: must be JSON, got {line[:60]!r} ({error.msg})") from error
        if not isinstance(value, dict):
            raise InputError(f"{where}: must be a JSON object, got {line[:60]!r}")
        yield where, value
