"""A parameter of a type that cannot be meant is refused by its name when the adapter is made."""

import inspect
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

import langchain_secondpass
import llama_index_secondpass
from haystack_integrations.components.rankers.secondpass import SecondPassRanker

PYDANTIC: list[type[BaseModel]] = [langchain_secondpass.SecondPassRerank, llama_index_secondpass.SecondPassRerank]
# Where an integer is expected, and where a truth value is.
COUNTS = ("batch_size", "batch_tokens", "label", "max_length", "top_k", "top_n", "window_overlap")
FLAGS = (
    "keep_retrieval_score",
    "local_files_only",
    "return_passages",
    "scale_score",
    "share_model",
    "trust_remote_code",
)


def parameters() -> Iterator[tuple[Any, str]]:
    """Every parameter of every adapter."""
    for adapter in PYDANTIC:
        # The callback manager is LlamaIndex's own field.
        yield from ((adapter, name) for name in adapter.model_fields if name != "callback_manager")
    yield from (
        (SecondPassRanker, name) for name in inspect.signature(SecondPassRanker.__init__).parameters if name != "self"
    )


def of_these(names: tuple[str, ...]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("adapter", "name"), [(adapter, name) for adapter, name in parameters() if name in names], ids=str
    )


def make(adapter: Any, name: str, value: object) -> Any:
    beside = {"long_documents": "windows"} if name == "window_overlap" else {}
    return adapter(**({"model": "some/model"} if name != "scorer" else {}) | beside | {name: value})


@pytest.mark.parametrize(("adapter", "name"), sorted(parameters(), key=str), ids=str)
def test_an_object_of_no_known_type_is_refused_by_the_parameters_name(adapter: Any, name: str) -> None:
    with pytest.raises(ValueError, match=name):
        make(adapter, name, object())


@of_these(COUNTS)
@pytest.mark.parametrize("value", [True, False])
def test_a_truth_value_is_no_number(adapter: Any, name: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"{name} must be .*, got bool {value}"):
        make(adapter, name, value)


@of_these(FLAGS)
@pytest.mark.parametrize("value", ["false", "no"])
def test_what_says_no_never_counts_as_yes(adapter: Any, name: str, value: str) -> None:
    if adapter is SecondPassRanker:
        with pytest.raises(ValueError, match=f"{name} must be True or False, got str '{value}'"):
            make(adapter, name, value)
    else:  # pydantic reads it
        assert getattr(make(adapter, name, value), name) is False


def test_names_without_an_order_are_refused() -> None:
    with pytest.raises(ValueError, match="metadata_fields must be a list of names, got set"):
        langchain_secondpass.SecondPassRerank(model="m", metadata_fields={"title", "year"})  # type: ignore[arg-type] # what the check is for
    with pytest.raises(ValueError, match="meta_fields_to_embed must be a list of names, got set"):
        SecondPassRanker("m", meta_fields_to_embed={"title", "year"})  # type: ignore[arg-type] # what the check is for
