"""A warning shows the line of whoever called, from however deep inside."""

import linecache
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from secondpass.errors.caller_warnings import warn_caller


def call_in(module: str) -> Callable[..., object]:
    """A function of a module that calls another function."""
    made = ModuleType(module)
    exec("def call(function, *arguments):\n    return function(*arguments)", made.__dict__)  # noqa: S102 - our own
    call: Callable[..., object] = made.call
    return call


@pytest.mark.parametrize(
    "modules",
    [
        [],
        ["secondpass"],
        ["secondpass.training.run", "secondpass.training.mining", "secondpass.evaluation.collection"],
        ["secondpass.cross_encoder", "contextlib", "secondpass.checkpoint.labels"],
        ["langchain_secondpass.rerank", "secondpass.cross_encoder"],
        ["llama_index_secondpass.rerank", "secondpass.remote.scorer"],
        ["langchain_secondpass.rerank", "langchain_core.runnables.config", "langchain_secondpass.rerank"],
        ["llama_index.core.query_engine", "llama_index_instrumentation.dispatcher", "llama_index_secondpass.rerank"],
        ["haystack.core.pipeline.pipeline", "haystack_integrations.components.rankers.secondpass.ranker"],
        ["haystack_integrations.components.rankers.secondpass.ranker", "secondpass.remote.scorer"],
    ],
)
def test_it_is_the_line_outside_of_what_we_bring_along_and_of_frameworks(modules: list[str]) -> None:
    first, *others = [*map(call_in, modules), warn_caller]
    arguments: list[Any] = [*others, "what is wrong", FutureWarning]
    with pytest.warns(FutureWarning, match="^what is wrong$") as said:
        first(*arguments)  # here
    assert said[0].filename == __file__
    assert linecache.getline(said[0].filename, said[0].lineno).strip().endswith("# here")


@pytest.mark.parametrize("module", ["secondpassage", "haystack_integrations.components.rankers", "pipeline"])
def test_what_others_wrote_is_a_caller(module: str) -> None:
    with pytest.warns(FutureWarning) as said:
        call_in(module)(warn_caller, "what is wrong", FutureWarning)
    assert said[0].filename == "<string>"
