"""A passage in a LangChain document."""

import json
from typing import Any

import numpy as np
import pytest
from langchain_core.documents import Document
from scorers import Passages

from langchain_secondpass import SecondPassRerank
from secondpass import CrossEncoder, Passage

QUERY = "which city is the capital of Germany"
TEXT = "Tides come and go. Berlin is the capital of Germany."
FILLER = "The tide comes in twice a day, and the moon pulls at the sea. "


def test_characters_are_those_of_page_content() -> None:
    document = Document(id="a", page_content=TEXT, metadata={"title": "Notes", "year": 0})
    scorer = Passages([Passage(8 + 19, 8 + 25, 0.5)])
    arguments: dict[str, Any] = {"scorer": scorer, "metadata_fields": ("title", "year")}
    (marked,) = SecondPassRerank(**arguments).compress_documents([document], QUERY)
    assert scorer.asked == [f"Notes\n0\n{TEXT}"]
    assert marked.page_content == TEXT
    assert marked.metadata == {
        "title": "Notes", "year": 0, "relevance_score": 0.0, "passage": {"start": 19, "end": 25, "score": 0.5}
    }  # fmt: skip
    (passage,) = SecondPassRerank(**arguments, return_passages=True).compress_documents([document], QUERY)
    assert (passage.id, passage.page_content, passage.metadata) == ("a", "Berlin", marked.metadata)
    assert (document.page_content, document.metadata) == (TEXT, {"title": "Notes", "year": 0})


def test_a_window_of_metadata_alone_is_no_passage(model: str) -> None:
    document = Document(page_content="A note.", metadata={"summary": f"{QUERY}? Berlin! " + FILLER * 40})
    (expected,) = CrossEncoder(model, long_documents="windows").rank(
        QUERY, [f"{document.metadata['summary']}\n{document.page_content}"]
    )
    assert expected.passage is not None
    assert expected.passage.end < len(document.metadata["summary"])
    adapter = SecondPassRerank(
        model=model, long_documents="windows", metadata_fields=("summary",), return_passages=True
    )
    (result,) = adapter.compress_documents([document], QUERY)
    assert result.page_content == "A note."
    assert result.metadata.keys() == {"summary", "relevance_score"}


def test_a_window_of_metadata_and_text_points_at_the_text(model: str) -> None:
    text = "Berlin is the capital of Germany. " + FILLER * 40
    document = Document(page_content=text, metadata={"title": "The capital of Germany"})
    adapter = SecondPassRerank(model=model, long_documents="windows", metadata_fields=("title",), return_passages=True)
    (result,) = adapter.compress_documents([document], QUERY)
    (expected,) = CrossEncoder(model, long_documents="windows").rank(QUERY, [f"The capital of Germany\n{text}"])
    assert expected.passage is not None
    assert expected.passage.start == 0
    assert f"The capital of Germany\n{result.page_content}" == expected.text[: expected.passage.end]
    assert result.metadata["passage"]["start"] == 0
    assert result.metadata["passage"]["score"] == pytest.approx(expected.passage.score, abs=1e-6)


def test_the_score_has_another_key() -> None:
    with pytest.raises(ValueError, match="score_key must not be 'passage', which is the passage's"):
        SecondPassRerank(scorer=Passages([]), score_key="passage")
    for blank in ("", " "):
        with pytest.raises(ValueError, match=f"score_key must not be blank, got '{blank}'"):
            SecondPassRerank(scorer=Passages([]), score_key=blank)


def test_the_score_takes_the_place_of_no_field_that_is_read() -> None:
    message = "score_key must not be one of metadata_fields, got 'title'"
    with pytest.raises(ValueError, match=message):
        SecondPassRerank(scorer=Passages([]), score_key="title", metadata_fields=("title",))
    adapter = SecondPassRerank(scorer=Passages([]), score_key="title")
    with pytest.raises(ValueError, match=message):
        adapter.metadata_fields = ("title",)


@pytest.mark.parametrize(
    ("given", "moved"), [(50, 69), (0, 19), (np.int64(50), 69), (True, True), ("50", "50"), (None, None)]
)
def test_the_place_that_a_splitter_wrote_is_that_of_the_passage(given: object, moved: object) -> None:
    document = Document(page_content=TEXT, metadata={"start_index": given})
    scorer = Passages([Passage(19, 25, 0.5)])
    (marked,) = SecondPassRerank(scorer=scorer).compress_documents([document], QUERY)
    assert marked.metadata["start_index"] == given
    (passage,) = SecondPassRerank(scorer=scorer, return_passages=True).compress_documents([document], QUERY)
    assert passage.metadata["start_index"] == moved
    assert json.loads(json.dumps(passage.metadata)) == passage.metadata


def test_a_trace_and_a_chain_see_the_passage() -> None:
    adapter = SecondPassRerank(scorer=Passages([Passage(19, 25, 0.5)]), return_passages=True)
    documents = [Document(page_content=TEXT)]
    (result,) = adapter.as_runnable().invoke({"query": QUERY, "documents": documents})
    assert result.page_content == "Berlin"
    (batched,) = adapter.as_runnable().batch([{"query": QUERY, "documents": documents}])
    assert batched == [result]
