"""The arguments of sentence-transformers' calls, of its releases 5 and 6, in our words."""

import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch

from secondpass.adapters.foreign_arguments import (
    CONFIG,
    MODEL,
    SENTENCE_TRANSFORMERS,
    TOKENIZER,
    Meaning,
    Readers,
    inside,
    merge,
    read_device,
    refuse,
)
from secondpass.arguments import check_choice, check_count, describe
from secondpass.errors import InputError, InputTypeError
from secondpass.options import ModelOptions

logger = logging.getLogger("secondpass.sentence_transformers")

_RENAMED: Final = {
    "model_name": "model_name_or_path",
    "automodel_args": "model_kwargs",
    "tokenizer_args": "processor_kwargs",
    "tokenizer_kwargs": "processor_kwargs",
    "config_args": "config_kwargs",
    "cache_dir": "cache_folder",
    "default_activation_function": "activation_fn",
}
_RENAMED_IN_CALLS: Final = {"sentences": "inputs", "activation_fct": "activation_fn"}
_DROPOUT: Final = "classifier_dropout"


def _read_attention(source: str, value: object) -> Iterator[Meaning]:
    """A kernel, which changes no score: the engine has its own."""
    check_choice(source, value, ("eager", "sdpa", "flash_attention_2"))
    return iter(())


def _read_one_device(source: str, value: object) -> Iterable[Meaning]:
    if value is not None and not isinstance(value, str | int | torch.device):
        raise InputTypeError(
            f"{source} must name one device, got {describe(value)}: several are given to predict(device=[...])"
        )
    return read_device(source, value)


_READERS: Final[Readers] = {
    **{name: SENTENCE_TRANSFORMERS[name] for name in ("cache_folder", "local_files_only", "max_length", "revision")},
    **{name: SENTENCE_TRANSFORMERS[name] for name in ("backend", "token", "trust_remote_code")},
    "device": _read_one_device,
    "model_kwargs": inside({**MODEL, "attn_implementation": _read_attention}),
    "processor_kwargs": inside(TOKENIZER),
    "config_kwargs": inside(CONFIG),
}
_REFUSED: Final[Readers] = {
    "modules": refuse("save the modules with sentence-transformers, and load the folder here"),
    "keep_in_fp32_modules": refuse("leave it out, the head is always computed in float32"),
}


@dataclass(frozen=True, slots=True)
class ConfigChanges:
    """What a caller sets in a model's config.

    Args:
        n_labels: How many labels the head must have; None leaves it to the checkpoint.
        dropout: Rates of dropout, which count in training alone.
    """

    n_labels: int | None
    dropout: Mapping[str, object]


def rename(older: Mapping[str, Any], config_kwargs: Mapping[str, Any] | None) -> dict[str, Any]:
    """Older constructor arguments under their names of today, with a logged warning for each.

    Of two names of one argument the newer counts, or else the one that sentence-transformers asks for first.

    Args:
        older: The arguments that are not in the constructor's signature.
        config_kwargs: What is given under this name, to which an older argument adds.

    Raises:
        TypeError: sentence-transformers has no such argument.
    """
    for name in older:
        if name not in _RENAMED and name != _DROPOUT:
            raise TypeError(f"CrossEncoder() got an unexpected keyword argument {name!r}")
    renamed: dict[str, Any] = {} if config_kwargs is None else {"config_kwargs": config_kwargs}
    for name, new in _RENAMED.items():
        if name in older:
            logger.warning("The CrossEncoder `%s` argument was renamed and is now deprecated: write `%s`", name, new)
            renamed.setdefault(new, older[name])
    if _DROPOUT in older:
        logger.warning("The CrossEncoder `%s` argument is deprecated: write it into `config_kwargs`", _DROPOUT)
        renamed["config_kwargs"] = {**(renamed.get("config_kwargs") or {}), _DROPOUT: older[_DROPOUT]}
    return renamed


def read_options(arguments: Mapping[str, object]) -> ModelOptions:
    """How to load the model.

    Args:
        arguments: Of the constructor, by the names of sentence-transformers 6. Those that do not concern loading are
            not among them.

    Raises:
        InputError: One of them has no meaning here; the message says what to write.
    """
    for name, reader in _REFUSED.items():
        if arguments.get(name):
            list(reader(name, arguments[name]))
    meanings = [meaning for name, reader in _READERS.items() for meaning in reader(name, arguments.get(name))]
    options = merge({}, meanings)
    options.setdefault("cache_dir", os.environ.get("SENTENCE_TRANSFORMERS_HOME"))
    return ModelOptions(**options)


def split_config(
    config_kwargs: Mapping[str, object] | None, num_labels: int | None
) -> tuple[ConfigChanges, dict[str, object] | None]:
    """What is set in the model's config, and what is left of `config_kwargs`.

    Raises:
        InputError: The number of labels is none.
    """
    check_count("num_labels", num_labels)
    if not isinstance(config_kwargs, Mapping):
        return ConfigChanges(num_labels, {}), config_kwargs
    in_config = config_kwargs.get("num_labels")
    check_count("config_kwargs['num_labels']", in_config)
    dropout = {key: value for key, value in config_kwargs.items() if "dropout" in key}
    left = {key: value for key, value in config_kwargs.items() if key != "num_labels" and key not in dropout}
    return ConfigChanges(num_labels if in_config is None else int(str(in_config)), dropout), left


def hub_name(name: str) -> str:
    """The name under which a model is found: one without an organisation is one of cross-encoder's, as there."""
    is_short = "/" not in name and os.sep not in name and not name.startswith((".", "~"))
    return f"cross-encoder/{name}" if is_short and not Path(name).exists() else name


def read_call(
    method: str, given: Mapping[str, Any], others: Mapping[str, Any], dropped: Iterable[str]
) -> dict[str, Any]:
    """The given arguments of a call, among them those under an older name, with a logged warning for each.

    Args:
        method: What is called.
        given: Arguments that had other names before; None where they are not given.
        others: The arguments that are not in its signature.
        dropped: Those that had an effect once, and have none.

    Raises:
        TypeError: sentence-transformers has no such argument, or one is given under both of its names.
    """
    read = dict(given)
    for name, value in others.items():
        newer = _RENAMED_IN_CALLS.get(name, name)
        if newer in given:
            logger.warning("The CrossEncoder.%s `%s` argument was renamed: write `%s`", method, name, newer)
            if read[newer] is not None:
                raise TypeError(f"CrossEncoder.{method}() got multiple values for argument {newer!r}, also as {name!r}")
            read[newer] = value
        elif name in dropped:
            logger.warning("The CrossEncoder.%s `%s` argument is deprecated and has no effect", method, name)
        else:
            raise TypeError(f"CrossEncoder.{method}() got an unexpected keyword argument {name!r}")
    return read


def processing_max_length(processing_kwargs: object) -> int | None:
    """The limit of one call, from `processing_kwargs={"text": {"max_length": 256, "truncation": True}}`.

    Raises:
        InputError: It holds anything else.
    """
    if not processing_kwargs:
        return None
    match processing_kwargs:
        case {"text": {"max_length": int(limit), "truncation": True, **other}, **others} if not other and not others:
            return limit
        case {"text": {"max_length": int(limit), **other}, **others} if not other and not others:
            return limit
    raise InputError(
        "processing_kwargs may only hold a limit, {'text': {'max_length': ..., 'truncation': True}}, got "
        f"{describe(processing_kwargs)}"
    )
