"""Arguments of other libraries, read in our words: honoured, or refused with what to write instead.

A table of readers says what each argument means: `SENTENCE_TRANSFORMERS` those of its `CrossEncoder`, `MODEL`,
`TOKENIZER` and `CONFIG` those of `from_pretrained` in transformers.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from secondpass.arguments import describe
from secondpass.errors import InputError, InputTypeError


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an argument means in our words.

    Args:
        option: Our parameter.
        value: Its value.
        source: Where the argument stood, for messages.
        none_counts: Whether None is a value of the parameter, as of those by which it keeps all; else it says nothing.
    """

    option: str
    value: object
    source: str
    none_counts: bool = False


# (source, value) -> what it means; nothing where it changes nothing.
Reader: TypeAlias = Callable[[str, object], Iterable[Meaning]]
Readers: TypeAlias = Mapping[str, Reader]


def merge(options: Mapping[str, Any], meanings: Iterable[Meaning]) -> dict[str, Any]:
    """The options with what was meant beside them.

    Raises:
        InputError: Two of them contradict each other; None and False of an option count as not given, unless None is a
            value of it.
    """
    merged = dict(options)
    for meaning in meanings:
        present = merged.get(meaning.option, meaning.value)
        says_nothing = not meaning.none_counts and (present is None or present is False)
        if not (says_nothing or present == meaning.value):
            differ = "" if meaning.option == "token" else f": {present!r}, and {meaning.value!r} by {meaning.source}"
            raise InputError(f"{meaning.option} is given twice and differs{differ}")
        merged[meaning.option] = meaning.value
    return merged


def inside(readers: Readers) -> Reader:
    """A reader for a dict of arguments."""

    def read(source: str, value: object) -> Iterator[Meaning]:
        if value is None:
            return
        if not isinstance(value, Mapping):
            raise InputTypeError(f"{source} must be a dict, got {describe(value)}")
        for key, argument in value.items():
            where = f"{source}[{key!r}]"
            if key not in readers:
                raise InputError(f"{where} cannot be honoured, remove it; {source} may hold {', '.join(readers)}")
            yield from readers[key](where, argument)

    return read


def read_as(option: str, *, none_counts: bool = False) -> Reader:
    """A reader for another name of one of our options; `none_counts` as in `Meaning`."""

    def read(source: str, value: object) -> Iterator[Meaning]:
        if value is not None or none_counts:
            yield Meaning(option, str(value) if isinstance(value, Path) else value, source, none_counts)

    return read


def must_be(accepted: object) -> Reader:
    """A reader for what is not a choice here: it accepts a single value, which changes nothing."""

    def read(source: str, value: object) -> Iterable[Meaning]:
        if value != accepted:
            raise InputError(f"{source} must be {accepted!r}, got {value!r}")
        return ()

    return read


def refuse(instead: str) -> Reader:
    """A reader for what has no meaning here; `instead` says what to write."""

    def read(source: str, _: object) -> Iterable[Meaning]:
        raise InputError(f"{source} means nothing here: {instead}")

    return read


def read_dtype(source: str, value: object) -> Iterator[Meaning]:
    """A torch dtype or its name; "auto" leaves the choice to the scorer."""
    name = str(value).removeprefix("torch.")
    if value is not None and name != "auto":
        yield Meaning("dtype", name, source)


def read_device(source: str, value: object) -> Iterator[Meaning]:
    """One device; transformers also spreads a model over several, which a cross-encoder is too small to need."""
    devices = set(value.values()) if isinstance(value, Mapping) else {value}
    if len(devices) != 1:
        raise InputError(f"{source} must name one device, got {value!r}")
    device = devices.pop()
    if device is not None and device != "auto":
        yield Meaning("device", f"cuda:{device}" if isinstance(device, int) else str(device), source)


def read_activation(source: str, value: object) -> Iterator[Meaning]:
    """An activation of torch, known by its class, so that torch is not imported to look."""
    if value is None:
        return
    name = {"Identity": "identity", "Sigmoid": "sigmoid"}.get(type(value).__name__)
    if name is None or not type(value).__module__.startswith("torch.nn."):
        raise InputError(
            f"{source} must be Identity() or Sigmoid() of torch.nn, got {describe(value)}: see activation="
        )
    yield Meaning("activation", name, source)


def read_token(source: str, value: object) -> Iterator[Meaning]:
    """A token, or False, which sends none; True takes the one that huggingface_hub keeps, as None does."""
    if value is not None and value is not True:
        yield Meaning("token", value, source)


_REPOSITORY: Final[Readers] = {
    "revision": read_as("revision"),
    "cache_dir": read_as("cache_dir"),
    "local_files_only": read_as("local_files_only"),
    "trust_remote_code": read_as("trust_remote_code"),
}
MODEL: Final[Readers] = {
    **_REPOSITORY,
    "dtype": read_dtype,
    "torch_dtype": read_dtype,
    "device_map": read_device,
    "use_safetensors": must_be(accepted=True),
    "low_cpu_mem_usage": must_be(accepted=True),
}
TOKENIZER: Final[Readers] = {
    **_REPOSITORY,
    "model_max_length": read_as("max_length"),
    "use_fast": must_be(accepted=True),
}
CONFIG: Final[Readers] = _REPOSITORY

# Under its names of today and its earlier ones.
SENTENCE_TRANSFORMERS: Final[Readers] = {
    **_REPOSITORY,
    "device": read_device,
    "max_length": read_as("max_length"),
    "cache_folder": read_as("cache_dir"),
    "token": read_token,
    "activation_fn": read_activation,
    "default_activation_function": read_activation,
    "model_kwargs": inside(MODEL),
    "automodel_args": inside(MODEL),
    "processor_kwargs": inside(TOKENIZER),
    "tokenizer_kwargs": inside(TOKENIZER),
    "tokenizer_args": inside(TOKENIZER),
    "config_kwargs": inside(CONFIG),
    "config_args": inside(CONFIG),
    "backend": must_be("torch"),
    "num_labels": must_be(None),
}
