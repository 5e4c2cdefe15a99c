"""A service's settings as plain data, such as a YAML file holds: read once, checked whole, and made an app of."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from typing import Any

from fastapi import FastAPI

from secondpass.arguments import check_flag, check_text, describe
from secondpass.calibration import Calibration
from secondpass.errors import InputError, InputTypeError
from secondpass.options import ModelOptions
from secondpass.service.app import create_app
from secondpass.service.limits import Limits
from secondpass.service.served_model import check_naming, load_model

DEFAULT_MODEL = "secondpass/mini"
DEFAULT_API_KEYS_ENV = "SECONDPASS_API_KEYS"

# What a model's settings hold beside its options.
_NAMING = ("name", "aliases", "calibration")
# Chosen by each request; and a secret, which huggingface_hub finds by itself where a model is loaded.
_NOT_OPTIONS = ("activation", "token", *_NAMING)
_OPTIONS = tuple(option.name for option in fields(ModelOptions) if option.name not in _NOT_OPTIONS)
_LIMITS = tuple(limit.name for limit in fields(Limits))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """A model to serve.

    Args:
        name: Hub id, local folder, or the name of a bundled model.
        aliases: Other names that requests may use.
        options: How it is found and loaded.
    """

    name: str
    aliases: tuple[str, ...] = ()
    options: ModelOptions = field(default_factory=ModelOptions)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings:
    """A whole service. It holds no secret, and no model yet: it can be sent to the machine that is to serve.

    Args:
        models: What is served; the first answers requests that name none.
        limits: What is refused.
        api_keys_env: The environment variable that holds API keys where the service runs, separated by spaces.
        needs_api_keys: Whether that variable has to hold one.
        log_lengths: Also log how many characters the documents of a request had.
    """

    models: tuple[ModelSettings, ...] = (ModelSettings(name=DEFAULT_MODEL),)
    limits: Limits = field(default_factory=Limits)
    api_keys_env: str = DEFAULT_API_KEYS_ENV
    needs_api_keys: bool = False
    log_lengths: bool = False

    def api_keys(self) -> list[str]:
        """The keys that this process' environment holds; none leaves the service open to all.

        Raises:
            InputError: The settings name a variable, and it holds none.
        """
        keys = os.environ.get(self.api_keys_env, "").split()
        if self.needs_api_keys and not keys:
            raise InputError(
                f"api_keys_env must name an environment variable that holds a key where the service runs, got "
                f"{self.api_keys_env}, which holds none"
            )
        return keys

    def create_app(self) -> FastAPI:
        """The application, its models loaded.

        Raises:
            CheckpointError: A checkpoint cannot be scored the way its authors meant.
            InputError: There is no key, or a calibration was fitted for another model.
        """
        keys = self.api_keys()
        models = [load_model(model.name, model.options, aliases=model.aliases) for model in self.models]
        return create_app(models, api_keys=keys, limits=self.limits, log_lengths=self.log_lengths)


def read_settings(given: Mapping[str, object]) -> ServiceSettings:
    """Settings from plain data; what is left out has its default.

    Args:
        given: `models`, each a name, or a mapping of `name`, `aliases`, `calibration` (a file, which is read here) and
            the options of `CrossEncoder` but for `activation` and `token`; `limits`, a mapping of the arguments of
            `Limits`; `api_keys_env`; `log_lengths`.

    Raises:
        InputError: A setting is not known, or breaks a rule; no model has been loaded then.
    """
    _check_names(given, ("models", "limits", "api_keys_env", "log_lengths"))
    found: dict[str, object] = {}
    if "models" in given:
        found["models"] = _models(given["models"])
    if "limits" in given:
        with _at("limits"):
            found["limits"] = Limits(**_mapping(given["limits"], _LIMITS))  # type: ignore[arg-type] # it checks them
    if "api_keys_env" in given:
        variable = given["api_keys_env"]
        if not isinstance(variable, str) or not variable:
            raise InputTypeError(f"api_keys_env must name an environment variable, got {describe(variable)}")
        found |= {"api_keys_env": variable, "needs_api_keys": True}
    if "log_lengths" in given:
        check_flag("log_lengths", given["log_lengths"])
        found["log_lengths"] = given["log_lengths"]
    return ServiceSettings(**found)  # type: ignore[arg-type] # each was checked above


def _models(given: object) -> tuple[ModelSettings, ...]:
    """One name, or a list of models."""
    if isinstance(given, str):
        given = [given]
    if not isinstance(given, list | tuple):
        raise InputTypeError(f"models must be a list of models, got {describe(given)}")
    if not given:
        raise InputError("models must name at least one model, got none")
    models = []
    for index, one in enumerate(given):
        with _at(f"models[{index}]"):
            models.append(_model(one))
    return tuple(models)


def _model(given: object) -> ModelSettings:
    named = {"name": given} if isinstance(given, str) else given
    values: dict[str, Any] = dict(_mapping(named, (*_NAMING, *_OPTIONS)))
    name, aliases = values.pop("name", None), values.pop("aliases", ())
    check_naming(name, aliases)
    file = values.pop("calibration", None)
    check_text("calibration", file)
    if isinstance(values.get("device"), list):
        values["device"] = tuple(values["device"])
    options = ModelOptions(**values)
    if file is not None:
        options = replace(options, calibration=Calibration.load(str(file)))
    return ModelSettings(name=name, aliases=tuple(aliases), options=options)


def _mapping(given: object, known: tuple[str, ...]) -> Mapping[str, object]:
    if not isinstance(given, Mapping):
        raise InputTypeError(f"must be a mapping of settings, got {describe(given)}")
    _check_names(given, known)
    return given


def _check_names(given: Mapping[str, object], known: tuple[str, ...]) -> None:
    unknown = [str(name) for name in given if name not in known]
    if unknown:
        raise InputError(f"settings must be among {', '.join(known)}, got {', '.join(unknown)}")


@contextmanager
def _at(place: str) -> Iterator[None]:
    """Name the part of the settings in which a rule is broken."""
    try:
        yield
    except InputError as error:
        raise type(error)(f"{place}: {error}") from error
