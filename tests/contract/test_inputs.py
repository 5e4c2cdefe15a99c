"""What is not a list of the framework's documents is refused in our words, and before anything is loaded."""

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from haystack import Document as HaystackDocument
from langchain_core.documents import Document as LangChainDocument
from llama_index.core.schema import Document as LlamaIndexDocument
from llama_index.core.schema import TextNode

from secondpass.errors import InputTypeError
from secondpass.testing import OverlapScorer

if TYPE_CHECKING:
    from drivers import Driver

QUERY = "big red cat"


@dataclass
class Lookalike:
    """Has what a document has, and is none."""

    id: str = "a"
    page_content: str = "a cat"
    content: str = "a cat"


FOREIGN: list[object] = [
    "a cat",
    {"content": "a cat", "page_content": "a cat"},
    None,
    3,
    ("a cat", 0.5),
    Lookalike(),
    TextNode(text="a cat"),
    LlamaIndexDocument(text="a cat"),
    [],
]


@pytest.mark.parametrize("item", FOREIGN, ids=lambda item: type(item).__name__)
@pytest.mark.parametrize("mode", ["sync", "async"])
async def test_an_item_that_is_not_a_document_is_named_by_its_place(driver: "Driver", item: object, mode: str) -> None:
    adapter = driver.adapter(model="no/such-model", local_files_only=True)
    candidates = [*driver.documents(["a"]), item]
    with pytest.raises(
        InputTypeError, match=rf"(nodes|documents)\[1\] must be a .* got .*{type(item).__name__}.*: write"
    ):
        await run(driver, adapter, candidates, mode)


async def run(driver: "Driver", adapter: Any, documents: Any, mode: str) -> list[Any]:
    if mode == "sync":
        return driver.run(adapter, QUERY, documents)
    return await driver.arun(adapter, QUERY, documents)


def test_a_document_of_another_framework_of_the_same_name_is_told_apart(driver: "Driver") -> None:
    own = type(driver.documents(["a"])[0])
    for other in (HaystackDocument(content="a"), LangChainDocument(page_content="a")):
        if type(other) is own:
            continue
        with pytest.raises(
            InputTypeError, match=rf"must be a {own.__module__.partition('.')[0]} {own.__name__}, got"
        ) as error:
            driver.run(driver.adapter(scorer=OverlapScorer()), QUERY, [other])
        if own.__name__ == "Document":
            assert f"got {type(other).__module__}." in str(error.value)


@pytest.mark.parametrize("documents", ["a cat", b"a cat", None, 3, {"a": 1}, {"a"}, np.array("a"), "own"], ids=repr)
def test_what_is_not_a_list_is_refused(driver: "Driver", documents: object) -> None:
    adapter = driver.adapter(scorer=OverlapScorer())
    given: Any = driver.documents(["a"])[0] if documents == "own" else documents
    with pytest.raises(InputTypeError, match=r"(nodes|documents) must be a list of \w+ (Document|NodeWithScore), got "):
        driver.run(adapter, QUERY, given)


@pytest.mark.parametrize("kind", [tuple, deque, iter], ids=lambda kind: kind.__name__)
async def test_other_collections_in_order_are_as_good_as_a_list(driver: "Driver", kind: Any) -> None:
    for mode in ("sync", "async"):
        best = await run(driver, driver.adapter(scorer=OverlapScorer()), kind(driver.documents(["a", "big cat"])), mode)
        assert [driver.seen(document).text for document in best] == ["big cat", "a"]


def test_subclasses_of_documents_are_documents(driver: "Driver") -> None:
    (document,) = driver.documents(["cat"])
    document.__class__ = type("Own", (type(document),), {})
    assert driver.seen(driver.run(driver.adapter(scorer=OverlapScorer()), "cat", [document])[0]).score == 1.0
