"""The TOML file of a training run."""

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, TypeVar

from secondpass.errors import InputError
from secondpass.files.text import read_text
from secondpass.training.config import DataConfig, ModelConfig, RunConfig, TrainingConfig
from secondpass.training.setting_types import check_types

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
    """One section, its settings known and complete; the section itself checks their values."""
    settings = sections.get(name, {})
    if not isinstance(settings, dict):
        raise InputError(f"{name} must be a section, got {settings!r}")
    known = [setting.name for setting in fields(section)]
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise InputError(f"[{name}] must have only {', '.join(known)}, got {', '.join(unknown)}")
    for setting in fields(section):
        if setting.default is MISSING and setting.name not in settings:
            raise InputError(f"[{name}] must have {setting.name}, got {', '.join(settings) or 'nothing'}")
    check_types(name, section, settings)  # before its lists become tuples, so that errors show what is written
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in settings.items()
    }
    return section(**values)
