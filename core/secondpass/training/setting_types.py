"""The type of each setting of a run, for those that a TOML file holds and those that Python gives alike."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Literal, get_args, get_origin, get_type_hints

from secondpass.errors import InputError, InputTypeError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def check_section(name: str, section: "DataclassInstance") -> None:
    """Check what goes for every setting of a section.

    Args:
        name: What the settings' names begin with.
        section: Their values.

    Raises:
        InputTypeError: A setting is of another type.
        InputError: A text is blank: as a path it would be the folder that paths start from.
    """
    settings = {setting.name: getattr(section, setting.name) for setting in fields(section)}
    check_types(name, type(section), settings)
    for key, value in settings.items():
        texts = value if isinstance(value, list | tuple) else (value,)
        if any(isinstance(text, str) and not text.strip() for text in texts):
            raise InputError(f"{name}.{key} must not be blank, got {value!r}")


def check_types(section: str, owner: type, settings: Mapping[str, object]) -> None:
    """Raise InputTypeError unless each setting is of its type.

    Args:
        section: What the settings' names begin with.
        owner: The class whose annotations say the types.
        settings: By name. For a tuple a list will do, which is what TOML has.
    """
    hints = get_type_hints(owner)
    for name, value in settings.items():
        hint, is_optional = _without_none(hints[name])
        words, fits = _TYPES[str if get_origin(hint) is Literal else hint]
        if not fits(value) and not (value is None and is_optional):
            raise InputTypeError(f"{section}.{name} must be {words}, got {value!r}")


def _without_none(hint: object) -> tuple[object, bool]:
    """A type without None, and whether it has None."""
    types = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    return types[0], NoneType in types


def _is(*types: type) -> Callable[[object], bool]:
    """Whether a value is of these types; true and false are not numbers."""
    return lambda value: isinstance(value, types) and (bool in types or not isinstance(value, bool))


def _is_list(item_type: type, length: int | None = None) -> Callable[[object], bool]:
    """Whether a value holds items of this type, one after the other."""
    fits = _is(item_type)
    return lambda value: (
        isinstance(value, list | tuple) and (length is None or len(value) == length) and all(map(fits, value))
    )


# A setting's type in words, and as a check.
_TYPES: Mapping[object, tuple[str, Callable[[object], bool]]] = {
    str: ("a string", _is(str)),
    bool: ("true or false", _is(bool)),
    int: ("an integer", _is(int)),
    float: ("a number", _is(int, float)),
    tuple[str, ...]: ("a list of strings", _is_list(str)),
    tuple[int, int]: ("a list of two integers", _is_list(int, 2)),
}
