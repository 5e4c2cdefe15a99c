"""JSON lines, read with the place of every object."""

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NoReturn

from secondpass.errors import InputError
from secondpass.files.text import lines


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
