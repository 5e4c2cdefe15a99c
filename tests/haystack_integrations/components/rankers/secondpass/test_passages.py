"""A passage in a Haystack document."""

import json
import math
from typing import Any

import numpy as np
import pytest
from haystack import Document, Pipeline
from haystack.dataclasses import SparseEmbedding
from scorers import Passages

from haystack_integrations.components.rankers.secondpass import SecondPassRanker
from secondpass import Passage

QUERY = "which city is the capital of Germany"
TEXT = "Tides come and go. Berlin is the capital of Germany."


def run(document: Document, passage: Passage | None, **arguments: Any) -> tuple[Document, Passages]:
    scorer = Passages([passage])
    (result,) = SecondPassRanker(scorer=scorer, **arguments).run(query=QUERY, documents=[document])["documents"]
    return result, scorer


def test_characters_are_those_of_the_content() -> None:
    document = Document(content=TEXT, meta={"title": "Notes"})
    around = {"document_prefix": "text: ", "document_suffix": " [end]", "meta_fields_to_embed": ["title"]}
    read = f"text: Notes\n{TEXT} [end]"
    start = read.index("Berlin")
    result, scorer = run(document, Passage(start, start + 6, 2.0), scale_score=False, **around)
    assert scorer.asked == [read]
    assert result.meta == {"title": "Notes", "passage": {"start": 19, "end": 25, "score": 2.0}}
    to_the_end, _ = run(document, Passage(start, len(read), 2.0), **around)
    assert to_the_end.meta["passage"]["end"] == len(TEXT)
    whole, _ = run(document, Passage(0, len(read), 2.0), **around)
    assert whole.meta == {"title": "Notes"}


def test_a_passages_score_is_scaled_as_the_documents_is() -> None:
    result, _ = run(Document(content=TEXT), Passage(19, 25, 2.0), calibration_factor=0.5)
    assert result.meta["passage"]["score"] == pytest.approx(1 / (1 + math.exp(-1.0)))


def test_a_passage_document_keeps_id_and_metadata_and_no_embedding() -> None:
    document = Document(
        content=TEXT,
        meta={"page": 3},
        embedding=[0.1],
        sparse_embedding=SparseEmbedding(indices=[1], values=[0.5]),
    )
    before = document.to_dict()
    result, _ = run(document, Passage(19, 25, 2.0), return_passages=True, scale_score=False)
    assert (result.content, result.id) == ("Berlin", document.id)
    assert result.meta == {"source_id": document.id, "page": 3, "passage": {"start": 19, "end": 25, "score": 2.0}}
    assert (result.embedding, result.sparse_embedding) == (None, None)
    assert Document.from_dict(result.to_dict()) == result
    assert document.to_dict() == before
    marked, _ = run(document, Passage(19, 25, 2.0))
    assert marked.embedding == [0.1]


def test_a_splitters_part_keeps_its_source_and_says_where_in_it_the_passage_is() -> None:
    part = Document(content=TEXT, meta={"source_id": "book", "split_id": 7, "split_idx_start": 1000})
    result, _ = run(part, Passage(19, 25, 2.0), return_passages=True)
    assert (result.meta["source_id"], result.meta["split_idx_start"], result.meta["split_id"]) == ("book", 1019, 7)
    assert part.meta["split_idx_start"] == 1000


@pytest.mark.parametrize(("given", "moved"), [(np.int64(1000), 1019), (True, True), ("1000", "1000"), (None, None)])
def test_a_place_is_an_integer_of_any_kind(given: object, moved: object) -> None:
    part = Document(content=TEXT, meta={"split_idx_start": given})
    result, _ = run(part, Passage(19, 25, 2.0), return_passages=True)
    assert result.meta["split_idx_start"] == moved
    assert json.loads(json.dumps(result.meta)) == result.meta


def test_what_is_read_at_once_stays_whole() -> None:
    for passage in (None, Passage(0, len(TEXT), 2.0)):
        result, _ = run(Document(content=TEXT), passage, return_passages=True)
        assert (result.content, result.meta) == (TEXT, {})


async def test_a_pipeline_is_saved_with_windows_and_runs_with_them(model: str) -> None:
    text = "The tide comes in twice a day, and the moon pulls at the sea. " * 40 + "Berlin is the capital of Germany."
    pipeline = Pipeline()
    pipeline.add_component(
        "ranker",
        SecondPassRanker(
            model=model,
            long_documents="windows",
            window_overlap=16,
            window_aggregation="mean-top-3",
            return_passages=True,
        ),
    )
    loaded = Pipeline.loads(pipeline.dumps())
    ranker: Any = loaded.get_component("ranker")
    assert (ranker.long_documents, ranker.window_overlap, ranker.window_aggregation, ranker.return_passages) == (
        "windows", 16, "mean-top-3", True
    )  # fmt: skip
    documents = [Document(content=text)]
    (result,) = ranker.run(query=QUERY, documents=documents)["documents"]
    assert result.content.endswith("Berlin is the capital of Germany.")
    assert len(result.content) < len(text) / 2
    assert (await ranker.run_async(query=QUERY, documents=documents))["documents"] == [result]


def test_a_parameter_that_is_assigned_later_counts(model: str) -> None:
    ranker: Any = SecondPassRanker(model=model)
    assert ranker._scorer().options.long_documents == "truncate"
    ranker.long_documents = "windows"
    assert ranker._scorer().options.long_documents == "windows"
    ranker.long_documents = "truncate"
    ranker.window_overlap = 16
    with pytest.raises(ValueError, match="window_overlap must be left out"):
        ranker.to_dict()
