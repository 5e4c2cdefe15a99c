"""What Haystack's earlier rankers call things, in our words: honoured, or refused with the reason."""

import dataclasses
import inspect
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from inspect import Parameter
from typing import Any, Final

from haystack.utils import ComponentDevice, Secret

from secondpass.adapters.foreign_arguments import CONFIG, MODEL, TOKENIZER, Readers, inside, merge, refuse
from secondpass.adapters.migration import SERVICES, translate
from secondpass.arguments import check_count, check_flag, check_names, check_text, describe
from secondpass.calibration import as_calibration
from secondpass.errors import InputError, InputTypeError
from secondpass.options import ModelOptions

# Tokens of the longest pair that most cross-encoders read. The earlier rankers padded to their longest pair, so a
# batch of theirs held up to this many tokens per document.
_USUAL_MAX_LENGTH: Final = 512

# What is True or False, and what is text: neither can be left open.
_FLAGS: Final = ("return_passages", "share_model")
_TEXTS: Final = ("query_prefix", "query_suffix", "document_prefix", "document_suffix", "embedding_separator")

# Parameters that stand for any others.
_ANY_NAME: Final = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)

# The arguments for transformers in a saved ranker.
_KWARGS: Final[Readers] = {
    "model_kwargs": inside(MODEL),
    "tokenizer_kwargs": inside(TOKENIZER),
    "config_kwargs": inside(CONFIG),
}

# Parameters of Haystack's other rankers.
_OF_OTHERS: Final[Readers] = {
    **SERVICES,
    "meta_data_separator": refuse("write embedding_separator=..."),
    "model_name": refuse("write model=..."),
    "model_name_or_path": refuse("write model=..."),
    "top_n": refuse("write top_k=..."),
    "torch_dtype": refuse("write dtype=..."),
    "use_gpu": refuse("write device=ComponentDevice.from_str(...), or nothing, which takes the best there is"),
}


def model_options(parameters: Mapping[str, Any]) -> ModelOptions:
    """How a ranker with these parameters loads its model.

    The token is left out: it is a secret, to be resolved when the model is loaded.

    Args:
        parameters: Those of `SecondPassRanker`, by name; absent ones are at their default, others are not read.

    Raises:
        InputError: A parameter breaks a rule, cannot be honoured, or contradicts another.
    """
    check_types(parameters)
    backend = parameters.get("backend", "torch")
    if backend != "torch":
        raise InputError(f'backend must be "torch", got {backend!r}')
    names = {option.name for option in dataclasses.fields(ModelOptions)} - {"token", "device", "calibration"}
    options = ModelOptions(
        device=_device_name(parameters.get("device")),
        calibration=as_calibration(parameters.get("calibration")),
        **{name: parameters[name] for name in names if name in parameters},
    )
    values = {option.name: getattr(options, option.name) for option in dataclasses.fields(ModelOptions)}
    for name, read in _KWARGS.items():
        values = merge(values, read(name, parameters.get(name)))
    return _with_batch_size(ModelOptions(**values), parameters.get("batch_size"))


def parameter_names(component: type) -> set[str]:
    """What the constructor takes by name; of one that passes `**arguments` on, also what the class above it takes."""
    names: set[str] = set()
    for kind in component.__mro__:
        if "__init__" not in vars(kind):
            continue
        given = list(inspect.signature(vars(kind)["__init__"]).parameters.values())[1:]  # without self
        names |= {parameter.name for parameter in given if parameter.kind not in _ANY_NAME}
        if not any(parameter.kind is Parameter.VAR_KEYWORD for parameter in given):
            break
    return names


def refuse_foreign(parameters: Mapping[str, Any], own_names: AbstractSet[str]) -> None:
    """Raise InputError for a parameter of another ranker that has no meaning here; the message says what to write.

    Args:
        parameters: Those of a call.
        own_names: Names that the component itself gives a meaning.
    """
    translate(parameters, {name: reader for name, reader in _OF_OTHERS.items() if name not in own_names})


def copy_names(names: list[str] | None) -> list[str]:
    """The names of metadata as a new list, empty for None.

    Raises:
        InputTypeError: They are not a list or tuple of names.
    """
    if names is None:
        return []
    check_names("meta_fields_to_embed", names)
    return list(names)


def check_types(parameters: Mapping[str, Any]) -> None:
    """Raise InputTypeError for a parameter of a type that cannot be meant, unless what it becomes checks it.

    Args:
        parameters: As for `model_options`.
    """
    for name in _FLAGS:
        check_flag(name, parameters.get(name, False))
    for name in _TEXTS:
        check_text(name, parameters.get(name, ""), optional=False)
    copy_names(parameters.get("meta_fields_to_embed"))
    check_count("batch_size", parameters.get("batch_size"))
    device, token = parameters.get("device"), parameters.get("token")
    if device is not None and not isinstance(device, ComponentDevice):
        raise InputTypeError(f"device must be a ComponentDevice, got {describe(device)}: see ComponentDevice.from_str")
    if token is not None and not isinstance(token, Secret):  # whose value belongs in no message
        raise InputTypeError(f"token must be a Secret, got {type(token).__name__}: write Secret.from_token(...)")


def _device_name(device: ComponentDevice | None) -> str | None:
    """The device as torch calls it."""
    if device is None:
        return None
    if device.has_multiple_devices:
        raise InputError(f"device must be one device, got {device}")
    return device.to_torch_str()


def _with_batch_size(options: ModelOptions, batch_size: int | None) -> ModelOptions:
    """The options, with a budget of tokens in which `batch_size` documents of full length fit; None: as they are."""
    if batch_size is None:
        return options
    if options.batch_tokens is not None:
        raise InputError(f"give batch_size or batch_tokens, got both: {batch_size} and {options.batch_tokens}")
    length = _USUAL_MAX_LENGTH if options.max_length is None else options.max_length
    return dataclasses.replace(options, batch_tokens=batch_size * length)
