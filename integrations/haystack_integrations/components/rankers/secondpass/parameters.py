"""What Haystack's earlier rankers call things, in our words: honoured, or refused with the reason."""

import dataclasses
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from haystack.utils import ComponentDevice

from secondpass.errors import InputError
from secondpass.options import ModelOptions

Kwargs: TypeAlias = Mapping[str, object]
# (name of the source, for messages; value) -> what it means in `ModelOptions`; None where it changes nothing.
_Reader: TypeAlias = Callable[[str, object], object]

# Tokens of the longest pair that most cross-encoders read. The earlier rankers padded to their longest pair, so a
# batch of theirs held up to this many tokens per document.
_USUAL_MAX_LENGTH: Final = 512


def model_options(parameters: Mapping[str, Any]) -> ModelOptions:
    """How a ranker with these parameters loads its model.

    The token is left out: it is a secret, to be resolved when the model is loaded.

    Args:
        parameters: Those of `SecondPassRanker`, by name; absent ones are at their default, others are not read.

    Raises:
        InputError: A parameter breaks a rule, cannot be honoured, or contradicts another.
    """
    backend = parameters.get("backend", "torch")
    if backend != "torch":
        raise InputError(f'backend must be "torch", got {backend!r}')
    names = {option.name for option in dataclasses.fields(ModelOptions)} - {"token", "device"}
    options = ModelOptions(
        device=_device_name(parameters.get("device")),
        **{name: parameters[name] for name in names if name in parameters},
    )
    for name, readers in _KWARGS.items():
        options = _with_kwargs(options, name, parameters.get(name) or {}, readers)
    return _with_batch_size(options, parameters.get("batch_size"))


def plain(value: object) -> object:
    """The value as YAML can hold it: of a torch dtype or device its name, of a mapping a copy with plain values."""
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    torch = sys.modules.get("torch")  # where it is not imported, nothing of it can be a value
    return str(value) if torch is not None and isinstance(value, torch.dtype | torch.device) else value


def _device_name(device: ComponentDevice | None) -> str | None:
    """The device as torch calls it."""
    if device is None:
        return None
    if device.has_multiple_devices:
        raise InputError(f"device must be one device, got {device}")
    return device.to_torch_str()


def _with_kwargs(
    options: ModelOptions, name: str, kwargs: Kwargs, readers: Mapping[str, tuple[str, _Reader]]
) -> ModelOptions:
    """The options, with what the transformers arguments of a saved ranker mean in our words."""
    for key, value in kwargs.items():
        source = f"{name}[{key!r}]"
        if key not in readers:
            raise InputError(f"{source} cannot be honoured, remove it; {name} may hold {', '.join(readers)}")
        option, read = readers[key]
        meaning = read(source, value)
        if meaning is not None:
            options = _with_option(options, option, meaning, source)
    return options


def _with_option(options: ModelOptions, option: str, value: object, source: str) -> ModelOptions:
    present = getattr(options, option)
    if present not in (None, False, value):
        raise InputError(f"{option} is given twice and differs: {present!r}, and {value!r} by {source}")
    change: dict[str, Any] = {option: value}
    return dataclasses.replace(options, **change)


def _with_batch_size(options: ModelOptions, batch_size: int | None) -> ModelOptions:
    """The options, with a budget of tokens in which `batch_size` documents of full length fit; None: as they are."""
    if batch_size is None:
        return options
    if options.batch_tokens is not None:
        raise InputError(f"give batch_size or batch_tokens, got both: {batch_size} and {options.batch_tokens}")
    if batch_size < 1:
        raise InputError(f"batch_size must be at least 1, got {batch_size}")
    length = _USUAL_MAX_LENGTH if options.max_length is None else options.max_length
    return dataclasses.replace(options, batch_tokens=batch_size * length)


def _read_as_it_is(_: str, value: object) -> object:
    return value


def _read_dtype(_: str, value: object) -> object:
    """A torch dtype or its name; "auto" leaves the choice to the scorer."""
    name = str(value).removeprefix("torch.")
    return None if name == "auto" else name


def _read_device(source: str, value: object) -> object:
    """One device; transformers also spreads a model over several, which a cross-encoder is too small to need."""
    devices = set(value.values()) if isinstance(value, Mapping) else {value}
    if len(devices) != 1:
        raise InputError(f"{source} must name one device, got {value!r}")
    device = devices.pop()
    if device == "auto":
        return None
    return f"cuda:{device}" if isinstance(device, int) else str(device)


def _must_be(accepted: object) -> _Reader:
    """A reader for what is no choice here: it accepts a single value, which changes nothing."""

    def read(source: str, value: object) -> None:
        if value != accepted:
            raise InputError(f"{source} must be {accepted!r}, got {value!r}")

    return read


# What each argument of transformers is called in `ModelOptions`, and how its value is read.
_REPOSITORY: Final[Mapping[str, tuple[str, _Reader]]] = {
    "revision": ("revision", _read_as_it_is),
    "cache_dir": ("cache_dir", _read_as_it_is),
    "local_files_only": ("local_files_only", _read_as_it_is),
    "trust_remote_code": ("trust_remote_code", _read_as_it_is),
}
_KWARGS: Final[Mapping[str, Mapping[str, tuple[str, _Reader]]]] = {
    "model_kwargs": {
        **_REPOSITORY,
        "dtype": ("dtype", _read_dtype),
        "torch_dtype": ("dtype", _read_dtype),
        "device_map": ("device", _read_device),
        "use_safetensors": ("use_safetensors", _must_be(accepted=True)),
        "low_cpu_mem_usage": ("low_cpu_mem_usage", _must_be(accepted=True)),
    },
    "tokenizer_kwargs": {
        **_REPOSITORY,
        "model_max_length": ("max_length", _read_as_it_is),
        "use_fast": ("use_fast", _must_be(accepted=True)),
    },
    "config_kwargs": _REPOSITORY,
}
