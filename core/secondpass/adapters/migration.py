"""Calls in the spelling of the rerankers that people come from, put into ours with a warning that shows it."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

from secondpass.adapters.foreign_arguments import Meaning, Reader, Readers, merge, read_as, refuse
from secondpass.errors import InputError

# Other names for a model, in other libraries' rerankers.
MODEL_NAMES: Final[Readers] = {"model_name": read_as("model"), "model_name_or_path": read_as("model")}

_NO_SERVICE: Final[Reader] = refuse(
    'remove it, the model runs here; to ask a service, write model="http://..." and its key as token=...'
)
# Arguments of rerankers that ask a service.
SERVICES: Final[Readers] = {
    **dict.fromkeys(
        (
            "api_key",
            "api_base_url",
            "api_url",
            "async_client",
            "base_url",
            "cohere_api_key",
            "jina_api_key",
            "max_retries",
            "timeout",
            "user_agent",
            "voyage_api_key",
        ),
        _NO_SERVICE,
    ),
    "client": refuse('write model="..." for a checkpoint that runs here, or scorer=... for an object that scores'),
    "max_tokens_per_doc": refuse("write max_length=..., the tokens of query and document together"),
}
BATCH_SIZE: Final[Reader] = refuse("write batch_tokens=..., the tokens of one forward pass, or nothing")

# What parameters of ours are called elsewhere, by people and in libraries; too far from our names to look alike.
_MEANT: Final[Mapping[str, tuple[str, ...]]] = {
    "score_threshold": ("threshold", "min_score", "minimum_score", "cutoff", "similarity_cutoff"),
    "top_n": ("k", "n", "limit", "top", "topk", "top_k"),
    "max_length": ("max_len", "max_seq_length", "max_seq_len", "max_tokens", "truncation_length"),
    "dtype": ("torch_dtype", "precision", "data_type"),
    "token": ("hf_token", "auth_token", "use_auth_token", "hub_token", "api_token", "api_key"),
    "model": ("checkpoint", "name", "model_id", "model_path", "repo_id", "url"),
    "activation": ("activation_fn", "activation_function", "normalize"),
    "cache_dir": ("cache_folder", "cache", "cache_path"),
    "batch_tokens": ("batch_size", "batch"),
    "return_passages": ("passages", "return_windows"),
}


# How alike two names are, 1.0 the same, of which one is meant for the other: "dytpe" and dtype, not "top_n" and token.
_ALIKE: Final = 0.75


def refuse_unknown(names: Iterable[str], known: Collection[str], owner: str) -> None:
    """Raise InputError for names that are none of the parameters, with the one that is meant.

    Args:
        names: Of the arguments.
        known: Of the parameters.
        owner: What takes them, as the caller calls it.
    """
    refusals = [f"{name} is no parameter of {owner}: {_hint(name, known)}" for name in names if name not in known]
    if refusals:
        raise InputError("; ".join(refusals))


def _hint(name: str, known: Collection[str]) -> str:
    meant = [ours for ours, others in _MEANT.items() if ours in known and name.lower() in others]
    alike = meant or get_close_matches(name.lower(), known, 1, _ALIKE)
    return f"did you mean {alike[0]}?" if alike else f"it takes {', '.join(sorted(known))}"


def translate(values: Mapping[str, Any], readers: Readers) -> tuple[dict[str, Any], list[str]]:
    """The arguments of a call in our words, and which of them were in others.

    Raises:
        InputError: One of them means nothing here, or two contradict each other; the message says what to write.
    """
    foreign = [name for name in values if name in readers]
    ours = {name: value for name, value in values.items() if name not in readers}

    def meanings() -> Iterator[Meaning]:
        for name in foreign:
            yield from readers[name](name, values[name])

    return merge(ours, meanings()), foreign


def spelling(name: str, values: Mapping[str, object], positions: Sequence[object] = ()) -> str:
    """The call as one writes it; what has no short literal, and what is secret, as dots."""
    arguments = [_literal(value) for value in positions]
    arguments += [f"{key}={'...' if key == 'token' else _literal(value)}" for key, value in values.items()]
    return f"{name}({', '.join(arguments)})"


def _literal(value: object) -> str:
    return repr(value) if value is None or isinstance(value, str | int | float | tuple) else "..."
