"""What Haystack's earlier rankers call things, in our words: honoured, or refused with the reason."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Final

from haystack.utils import ComponentDevice

from secondpass.errors import InputError
from secondpass.options import ModelOptions

Kwargs = Mapping[str, object]

# Tokens of the longest pair that most cross-encoders read. The earlier rankers padded to their longest pair, so a
# batch of theirs held up to this many tokens a document.
_USUAL_MAX_LENGTH: Final = 512


def with_kwargs(
    options: ModelOptions, *, model_kwargs: Kwargs | None, tokenizer_kwargs: Kwargs | None, config_kwargs: Kwargs | None
) -> ModelOptions:
    """The options, and in our words what the transformers arguments of a saved ranker add to them.

    Raises:
        InputError: A key cannot be honoured, or says something else than an option does.
    """
    for name, kwargs, known in (
        ("model_kwargs", model_kwargs, _MODEL),
        ("tokenizer_kwargs", tokenizer_kwargs, _TOKENIZER),
        ("config_kwargs", config_kwargs, _REPOSITORY),
    ):
        for key, value in (kwargs or {}).items():
            source = f"{name}[{key!r}]"
            if key not in known:
                raise InputError(f"{source} cannot be honoured, remove it; {name} may hold {', '.join(known)}")
            option, read = known[key]
            meant = read(source, value)
            if meant is not None:
                options = _with(options, option, meant, source)
    return options


def device_name(device: ComponentDevice | None) -> str | None:
    """The device as torch calls it.

    Raises:
        InputError: It is several.
    """
    if device is None:
        return None
    if device.has_multiple_devices:
        raise InputError(f"device must be one device, got {device}")
    return device.to_torch_str()


def with_batch_size(options: ModelOptions, batch_size: int | None) -> ModelOptions:
    """The options, with a budget of tokens in which `batch_size` documents of full length fit; None: as they are.

    Raises:
        InputError: `batch_size` is below 1, or there is a budget already.
    """
    if batch_size is None:
        return options
    if options.batch_tokens is not None:
        raise InputError(f"give batch_size or batch_tokens, got both: {batch_size} and {options.batch_tokens}")
    if batch_size < 1:
        raise InputError(f"batch_size must be at least 1, got {batch_size}")
    length = _USUAL_MAX_LENGTH if options.max_length is None else options.max_length
    return dataclasses.replace(options, batch_tokens=batch_size * length)


def plain(kwargs: Kwargs | None) -> dict[str, object] | None:
    """A copy that YAML can hold: a torch dtype becomes its name."""
    if kwargs is None:
        return None
    return {key: str(value) if str(value).startswith("torch.") else value for key, value in kwargs.items()}


def _same(_: str, value: object) -> object:
    return value


def _dtype(_: str, value: object) -> object:
    """A torch dtype or its name; "auto" leaves the choice to the scorer."""
    name = str(value).removeprefix("torch.")
    return None if name == "auto" else name


def _device(source: str, value: object) -> object:
    """One device; transformers also spreads a model over several, which a cross-encoder is too small to need."""
    devices = set(value.values()) if isinstance(value, Mapping) else {value}
    if len(devices) != 1:
        raise InputError(f"{source} must name one device, got {value!r}")
    device = devices.pop()
    if device == "auto":
        return None
    return f"cuda:{device}" if isinstance(device, int) else str(device)


def _only(accepted: object) -> Callable[[str, object], object]:
    def read(source: str, value: object) -> None:
        if value != accepted:
            raise InputError(f"{source} must be {accepted!r}, got {value!r}")

    return read


def _with(options: ModelOptions, option: str, meant: object, source: str) -> ModelOptions:
    said = getattr(options, option)
    if said not in (None, False, meant):
        raise InputError(f"{option} is given twice and differs: {said!r}, and {meant!r} by {source}")
    change: dict[str, Any] = {option: meant}
    return dataclasses.replace(options, **change)


_Reader = Callable[[str, object], object]
_REPOSITORY: Final[dict[str, tuple[str, _Reader]]] = {
    "revision": ("revision", _same),
    "cache_dir": ("cache_dir", _same),
    "local_files_only": ("local_files_only", _same),
    "trust_remote_code": ("trust_remote_code", _same),
}
_MODEL: Final[dict[str, tuple[str, _Reader]]] = {
    **_REPOSITORY,
    "dtype": ("dtype", _dtype),
    "torch_dtype": ("dtype", _dtype),
    "device_map": ("device", _device),
    "use_safetensors": ("use_safetensors", _only(accepted=True)),
    "low_cpu_mem_usage": ("low_cpu_mem_usage", _only(accepted=True)),
}
_TOKENIZER: Final[dict[str, tuple[str, _Reader]]] = {
    **_REPOSITORY,
    "model_max_length": ("max_length", _same),
    "use_fast": ("use_fast", _only(accepted=True)),
}
