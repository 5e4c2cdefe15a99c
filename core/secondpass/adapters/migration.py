"""Calls in the spelling of the rerankers that people come from, put into ours with a warning that shows it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from secondpass.adapters.foreign_arguments import Meaning, Reader, Readers, merge, read_as, refuse

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
