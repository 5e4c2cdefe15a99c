"""What LangChain says of a chain: schemas, graphs and tools, on every supported Python."""

from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.runnables import Runnable, RunnableLambda, RunnablePassthrough
from pydantic import TypeAdapter

from langchain_secondpass import SecondPassRerank
from secondpass.errors import InputTypeError
from secondpass.testing import OverlapScorer

DOCUMENTS = [Document(page_content=text) for text in ("a dog", "a cat")]


def step() -> Runnable[Any, Any]:
    return SecondPassRerank(scorer=OverlapScorer()).as_runnable()


def chain() -> Runnable[Any, Any]:
    return {"query": RunnablePassthrough(), "documents": RunnableLambda(lambda _: DOCUMENTS)} | step()


RUNNABLES = pytest.mark.parametrize(
    "build",
    [
        step,
        chain,
        lambda: step().with_retry(),
        lambda: step().with_fallbacks([step()]),
        lambda: step().with_config(tags=["a"]),
        lambda: step() | RunnableLambda(len),
        lambda: RunnablePassthrough.assign(documents=step()),
        lambda: step().map(),
    ],
    ids=["step", "chain", "retry", "fallbacks", "config", "followed", "assign", "map"],
)


@RUNNABLES
def test_schemas_and_graphs(build: Callable[[], Runnable[Any, Any]]) -> None:
    runnable = build()
    for schema in (
        runnable.get_input_jsonschema(),
        runnable.get_output_jsonschema(),
        TypeAdapter(runnable.input_schema).json_schema(),
        TypeAdapter(runnable.output_schema).json_schema(),
        runnable.config_schema().model_json_schema(),
    ):
        assert "title" in schema
    assert "SecondPassRerank" in runnable.get_graph().draw_mermaid()
    assert runnable.get_graph().to_json(with_schemas=True)["nodes"]


def test_the_schema_of_the_step_names_what_it_takes_and_gives() -> None:
    schema = step().get_input_jsonschema()["$defs"]["RerankInput"]
    assert schema["required"] == ["query", "documents"]
    assert schema["properties"]["query"] == {"title": "Query", "type": "string"}
    assert schema["properties"]["documents"]["items"] == {"$ref": "#/$defs/Document"}
    assert step().get_output_jsonschema()["items"] == {"$ref": "#/$defs/Document"}


def test_the_step_as_a_tool() -> None:
    with pytest.warns(match="beta"):
        tool = step().as_tool(name="rerank", description="Puts documents in order.")
    assert set(tool.args) == {"query", "documents"}
    for documents in (DOCUMENTS, [{"page_content": document.page_content} for document in DOCUMENTS]):
        assert [document.page_content for document in tool.invoke({"query": "cat", "documents": documents})] == [
            "a cat",
            "a dog",
        ]


@pytest.mark.parametrize("value", ["cat", None, ["cat"], {"query": "cat"}, {"documents": DOCUMENTS}], ids=repr)
async def test_input_that_is_not_a_query_with_documents_is_refused(value: Any) -> None:
    message = rf'input must be a dict with "query" and "documents", got {type(value).__name__}'
    with pytest.raises(InputTypeError, match=message):
        step().invoke(value)
    with pytest.raises(InputTypeError, match=message):
        await step().ainvoke(value)
