"""A parameter of a type that cannot be meant is refused by its name when the adapter is made."""

import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

import langchain_secondpass
import llama_index_secondpass
from haystack_integrations.components.rankers.secondpass import SecondPassRanker
from secondpass.arguments import describe

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


@of_these(COUNTS)
@pytest.mark.parametrize("value", [256.0, 0.5])
def test_a_float_is_no_count(adapter: Any, name: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"{name} must be .*, got float {value}"):
        make(adapter, name, value)


@of_these(tuple(name for name in COUNTS if name != "label"))  # a label may be a name
def test_digits_are_no_count(adapter: Any, name: str) -> None:
    with pytest.raises(ValueError, match=rf"{name} must be an integer or None, got str '256'"):
        make(adapter, name, "256")


@of_these(FLAGS)
@pytest.mark.parametrize("value", ["yes", "false", "no", 1, 0, None])
def test_what_only_resembles_a_truth_value_is_none(adapter: Any, name: str, value: object) -> None:
    with pytest.raises(ValueError, match=re.escape(f"{name} must be True or False, got {describe(value)}")):
        make(adapter, name, value)


@of_these(FLAGS)
@pytest.mark.parametrize("value", [True, False])
def test_a_truth_value_is_one(adapter: Any, name: str, value: object) -> None:
    assert getattr(make(adapter, name, value), name) is value


def test_names_without_an_order_are_refused() -> None:
    with pytest.raises(ValueError, match="metadata_fields must be a list of names, got set"):
        langchain_secondpass.SecondPassRerank(model="m", metadata_fields={"title", "year"})  # type: ignore[arg-type] # what the check is for
    with pytest.raises(ValueError, match="meta_fields_to_embed must be a list of names, got set"):
        SecondPassRanker("m", meta_fields_to_embed={"title", "year"})  # type: ignore[arg-type] # what the check is for
