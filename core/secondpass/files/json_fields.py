"""The fields of JSON objects, each of its documented kind: texts, ids, numbers.

A text is a string; an id is a string that is not empty, or an integer, which stands for its digits. Nothing else is
turned into either: a title of NaN is a mistake in the data, not the word "nan".
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from reprlib import repr as short
from typing import TypeAlias, TypeGuard

from secondpass.arguments import check_unicode
from secondpass.errors import InputError

# The JSON object of a line.
Record: TypeAlias = Mapping[str, object]

# How alike two names are, 1.0 the same, of which one is meant for the other: "negtive", and not "negative_id".
_ALIKE = 0.85
# Letters of an abbreviation: "neg", and not "a".
_SHORTEST = 3

# What a number may be to be one in single precision too, in which models learn.
_LARGEST = 3.4028234663852886e38


def text_field(record: Record, name: str, where: str) -> str:
    """A field that holds a string.

    Args:
        record: The JSON object of a line.
        name: Of the field.
        where: The line as errors call it, `file:line`.

    Raises:
        InputError: It holds something else, or is missing.
    """
    value = record.get(name)
    if not isinstance(value, str):
        raise _wrong(record, name, where, "a string")
    check_unicode(value, f"{where}: {name}")
    return value


def title_field(record: Record, where: str) -> str:
    """The field `title`, "" where it is missing or null; as `text_field`."""
    return "" if record.get("title") is None else text_field(record, "title", where)


def texts_field(record: Record, name: str, where: str) -> tuple[str, ...]:
    """A field that holds one string or a list of strings; as `text_field`."""
    value = record.get(name)
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise _wrong(record, name, where, "a string or a list of strings")
    for text in texts:
        check_unicode(text, f"{where}: {name}")
    return tuple(texts)


def id_field(record: Record, name: str, where: str) -> str:
    """A field that holds an id, as a string; as `text_field`."""
    value = record.get(name)
    if _is_integer(value):
        return str(value)
    if not isinstance(value, str) or not value:
        raise _wrong(record, name, where, "an id, which is a string that is not empty, or an integer")
    check_unicode(value, f"{where}: {name}")
    return value


def numbers_field(record: Record, name: str, where: str) -> tuple[float, ...]:
    """A field that holds a list of numbers, all of them finite in single precision; as `text_field`."""
    value = record.get(name)
    if not isinstance(value, list) or not all(_is_number(number) and abs(number) <= _LARGEST for number in value):
        raise _wrong(record, name, where, "a list of finite numbers")
    return tuple(map(float, value))


def number_field(record: Record, name: str, where: str) -> float:
    """A field that holds a number, finite in single precision; as `text_field`."""
    value = record.get(name)
    if not _is_number(value) or not abs(value) <= _LARGEST:
        raise _wrong(record, name, where, "a finite number")
    return float(value)


def object_field(record: Record, name: str, where: str) -> Record:
    """A field that holds a JSON object; as `text_field`."""
    value = record.get(name)
    if not isinstance(value, dict):
        raise _wrong(record, name, where, "an object")
    return value


def integer_field(record: Record, name: str, where: str) -> int:
    """A field that holds an integer; as `text_field`."""
    value = record.get(name)
    if not _is_integer(value):
        raise _wrong(record, name, where, "an integer")
    return value


def refuse_misspelt(record: Record, known: Iterable[str], where: str) -> None:
    """Raise InputError for a field that is not known but nearly is: misspelt, in the plural, abbreviated."""
    by_singular = {name.rstrip("s"): name for name in known}
    for field in record.keys() - by_singular.values():
        singular = field.lower().rstrip("s")
        alike = get_close_matches(singular, by_singular, 1, _ALIKE)
        longer = [name for name in by_singular if len(singular) >= _SHORTEST and name.startswith(singular)]
        for meant in (alike or longer)[:1]:
            raise InputError(f"{where}: {field} is no field, write {by_singular[meant]}, or leave it out")


def _is_integer(value: object) -> TypeGuard[int]:
    """Whether a value is an integer; true and false are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, float) or _is_integer(value)


def _wrong(record: Record, name: str, where: str, kind: str) -> InputError:
    return InputError(f"{where}: {name} must be {kind}, got {short(record.get(name))}")
