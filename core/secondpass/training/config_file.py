"""The TOML file of a training run: its sections, and the type of each setting."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_type_hints

from secondpass.errors import InputError
from secondpass.files import read_text
from secondpass.training.config import DataConfig, Decay, Loss, ModelConfig, RunConfig, TrainingConfig

_SectionT = TypeVar("_SectionT", ModelConfig, DataConfig, RunConfig)


def read_config(path: Path) -> TrainingConfig:
    """The run that a TOML file describes, in sections `[model]`, `[data]` and `[run]`.

    Raises:
        InputError: The file is missing or not TOML, or a setting is unknown, missing or breaks its rule; the message
            names the file.
    """
    try:
        sections = tomllib.loads(read_text(path))
    except RecursionError as error:
        raise InputError(f"{path}: must be TOML; it is nested too deeply") from error
    except InputError:  # the file itself cannot be read
        raise
    except ValueError as error:  # not TOML, or Python's guard against numbers that take it minutes to read
        raise InputError(f"{path}: must be TOML; {error}") from error
    unknown = sorted(set(sections) - {"model", "data", "run"})
    if unknown:
        raise InputError(f"{path}: sections must be model, data and run, got {', '.join(unknown)}")
    try:
        return TrainingConfig(
            model=_read_section(ModelConfig, sections, "model"),
            data=_read_section(DataConfig, sections, "data"),
            run=_read_section(RunConfig, sections, "run"),
            folder=path.parent,
        )
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _read_section(section: type[_SectionT], sections: Mapping[str, Any], name: str) -> _SectionT:
    """One section, its settings known, complete, and each of its type; the section itself checks their values."""
    settings = sections.get(name, {})
    if not isinstance(settings, dict):
        raise InputError(f"{name} must be a section, got {settings!r}")
    types = get_type_hints(section)
    unknown = sorted(set(settings) - set(types))
    if unknown:
        raise InputError(f"[{name}] must have only {', '.join(types)}, got {', '.join(unknown)}")
    for setting in fields(section):
        if setting.default is MISSING and setting.name not in settings:
            raise InputError(f"[{name}] must have {setting.name}, got {', '.join(settings) or 'nothing'}")
    for key, value in settings.items():
        words, fits = _TOML_TYPES[_without_none(types[key])]
        if not fits(value):
            raise InputError(f"{name}.{key} must be {words}, got {value!r}")
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in settings.items()
    }
    return section(**values)


def _is(*types: type) -> Callable[[object], bool]:
    """Whether a value is of these types; true and false are not numbers."""
    return lambda value: isinstance(value, types) and (bool in types or not isinstance(value, bool))


def _is_list(item_type: type, length: int | None = None) -> Callable[[object], bool]:
    """Whether a value is a list of items of this type."""
    fits = _is(item_type)
    return lambda value: isinstance(value, list) and (length is None or len(value) == length) and all(map(fits, value))


def _without_none(hint: object) -> object:
    """The type of a setting that may be left out."""
    types = [kind for kind in get_args(hint) if kind is not NoneType]
    return types[0] if isinstance(hint, UnionType) else hint


# A setting's type, and what TOML must hold for it: in words, and as a check.
_TOML_TYPES: Mapping[object, tuple[str, Callable[[object], bool]]] = {
    str: ("a string", _is(str)),
    Loss: ("a string", _is(str)),
    Decay: ("a string", _is(str)),
    bool: ("true or false", _is(bool)),
    int: ("an integer", _is(int)),
    float: ("a number", _is(int, float)),
    tuple[str, ...]: ("a list of strings", _is_list(str)),
    tuple[int, int]: ("a list of two integers", _is_list(int, 2)),
}
