"""What single arguments may be: one check for each kind, one wording for all of them."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np

from secondpass.errors import InputError, InputTypeError

IntT = TypeVar("IntT")


def check_choice(name: str, value: object, choices: tuple[str, ...], *, optional: bool = True) -> None:
    """Raise InputError unless `value` is one of `choices`, or None where that is an option."""
    if (value is None and optional) or value in choices:
        return
    listed = ", ".join(f'"{choice}"' for choice in choices)
    raise InputError(f"{name} must be one of {listed}{' or None' if optional else ''}, got {value!r}")


def check_count(name: str, value: object, *, least: int = 1, optional: bool = True) -> None:
    """Raise InputError unless `value` is an integer of at least `least`, or None where that is an option."""
    if value is None and optional:
        return
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise InputTypeError(f"{name} must be an integer{' or None' if optional else ''}, got {describe(value)}")
    if value < least:
        raise InputError(f"{name} must be at least {least}, got {value}")


def check_number(name: str, value: object) -> float | None:
    """The number as a float, or None for None; raise InputError for anything that is none or too large for one."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise InputTypeError(f"{name} must be a number or None, got {describe(value)}")
    try:
        return float(value)
    except OverflowError as error:
        raise InputError(f"{name} must be a number of double precision, got an integer above all of them") from error


def plain(value: IntT) -> IntT | int:
    """An integer of numpy as Python's own, which JSON and a repr take for what it is; anything else as it is."""
    return int(value) if isinstance(value, np.integer) else value


def check_text(name: str, value: object, *, optional: bool = True) -> None:
    """Raise InputTypeError unless `value` is text, or None where that is an option."""
    if (value is None and optional) or isinstance(value, str):
        return
    raise InputTypeError(f"{name} must be text{' or None' if optional else ''}, got {describe(value)}")


def check_flag(name: str, value: object) -> None:
    """Raise InputTypeError unless `value` is True or False: any text, even "false", would count as True."""
    if not isinstance(value, bool):
        raise InputTypeError(f"{name} must be True or False, got {describe(value)}")


def check_names(name: str, value: object) -> None:
    """Raise InputTypeError unless `value` is a list or tuple of names; the letters of one text would count as names."""
    if not isinstance(value, list | tuple):
        raise InputTypeError(f"{name} must be a list of names, got {describe(value)}")
    for index, item in enumerate(value):
        if not isinstance(item, str):
            raise InputTypeError(f"{name}[{index}] must be a name, got {describe(item)}")


def check_kind(name: str, value: object, kind: type) -> None:
    """Raise InputTypeError unless `value` is None or of a class."""
    if value is not None and not isinstance(value, kind):
        raise InputTypeError(f"{name} must be {kind.__name__} or None, got {describe(value)}")


def check_path(name: str, value: object, *, optional: bool = True) -> None:
    """Raise InputError unless `value` is the name of a file or folder, or None where that is an option."""
    if value is None and optional:
        return
    if not isinstance(value, str | os.PathLike):
        raise InputTypeError(f"{name} must be a path{' or None' if optional else ''}, got {describe(value)}")
    if value == "":
        raise InputError(f'{name} must be a path, got ""')


def check_unicode(text: str, *what: str | int) -> None:
    """Raise InputError where a text, called `what`, holds half of a surrogate pair, which no file and no model can.

    What it is called may be in parts, as an error's message: an integer is the number of an item.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            *what, f" must be Unicode text, has the lone surrogate {text[error.start]!r} at character {error.start}"
        ) from error


def items_of(value: object) -> Iterator[object] | None:
    """What a value holds; None where it is not iterable: an array of no dimension has the method, and raises."""
    try:
        return iter(value) if isinstance(value, Iterable) else None
    except TypeError:
        return None


def with_home(path: str) -> Path | None:
    """The path with a home folder for its `~`; None where that is nobody's, which pathlib tells as a RuntimeError."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return None


def describe(value: object) -> str:
    """A value as an error shows it: its type, and a short repr."""
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"  # noqa: PLR2004 - one line


def describe_apart(value: object, expected: str) -> str:
    """As `describe`; where the type has the name of the expected one, whose it is as well."""
    text = describe(value)
    return f"{type(value).__module__}.{text}" if type(value).__name__ == expected else text


def describe_error(error: Exception) -> str:
    """The type of an error and the first line of what it says, for errors that tell of others."""
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"


def in_one_line(error: Exception) -> str:
    """All that an error says, on one line; the name of its type where it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__
