"""A passage in a LlamaIndex node: where it stands, who reads of it, and what a node becomes that holds it alone."""

from typing import Any

import pytest
from llama_index.core.schema import (
    Document,
    ImageNode,
    MediaResource,
    MetadataMode,
    NodeRelationship,
    NodeWithScore,
    QueryBundle,
    RelatedNodeInfo,
    TextNode,
)
from scorers import Passages

from llama_index_secondpass import SecondPassRerank
from llama_index_secondpass.nodes import start_of_own_text
from secondpass import CrossEncoder, Passage

QUERY = QueryBundle("which city is the capital of Germany")
TEXT = "Tides come and go. Berlin is the capital of Germany."
FILLER = "The tide comes in twice a day, and the moon pulls at the sea. "


def rerank(node: Any, passage: Passage | None, **arguments: Any) -> tuple[Any, Passages]:
    scorer = Passages([passage])
    adapter = SecondPassRerank(scorer=scorer, **arguments)
    (result,) = adapter.postprocess_nodes([NodeWithScore(node=node, score=0.5)], QUERY)
    return result.node, scorer


def test_neither_embeddings_nor_an_llm_read_of_it() -> None:
    node = TextNode(text=TEXT, metadata={"title": "Notes"}, excluded_llm_metadata_keys=["title"])
    result, _ = rerank(node, Passage(13, 18, 1.0), metadata_mode=MetadataMode.NONE, keep_retrieval_score=True)
    assert result.metadata == {
        "title": "Notes",
        "retrieval_score": 0.5,
        "passage": {"start": 13, "end": 18, "score": 1},
    }
    assert result.get_content(MetadataMode.LLM) == TEXT
    assert result.get_content(MetadataMode.EMBED) == node.get_content(MetadataMode.EMBED)
    again, _ = rerank(result, Passage(0, 5, 1.0), metadata_mode=MetadataMode.NONE)
    assert again.excluded_llm_metadata_keys == ["title", "retrieval_score", "passage"]
    assert (node.metadata, node.excluded_embed_metadata_keys) == ({"title": "Notes"}, [])


@pytest.mark.parametrize("text", [TEXT, f"\n {TEXT}\n", f"{TEXT} title: x"])
@pytest.mark.parametrize(
    "template", ["{metadata_str}\n\n{content}", "{content} ({metadata_str})", "<{content}>{metadata_str}"]
)
def test_characters_are_those_of_the_text_without_its_metadata(text: str, template: str) -> None:
    node = TextNode(text=text, metadata={"title": "x"}, text_template=template)
    read = node.get_content(MetadataMode.EMBED)
    start = read.index("Berlin")
    result, scorer = rerank(node, Passage(start, start + 6, 1.0))
    assert scorer.asked == [read]
    passage = result.metadata["passage"]
    assert text[passage["start"] : passage["end"]] == "Berlin"


def test_a_template_without_the_text_has_no_passage() -> None:
    node = TextNode(text=TEXT, metadata={"title": "a long one"}, text_template="{metadata_str}")
    result, _ = rerank(node, Passage(0, 8, 1.0), return_passages=True)
    assert result is node
    assert start_of_own_text("text", "other") == len("other")


def test_metadata_and_text_through_a_model(model: str) -> None:
    text = FILLER * 40 + "Berlin is the capital of Germany."
    node = TextNode(text=text, metadata={"title": "An atlas of the cities of Europe"})
    adapter = SecondPassRerank(model=model, long_documents="windows", return_passages=True)
    (result,) = adapter.postprocess_nodes([NodeWithScore(node=node)], QUERY)
    (expected,) = CrossEncoder(model, long_documents="windows").rank(
        QUERY.query_str, [node.get_content(MetadataMode.EMBED)]
    )
    assert expected.passage is not None
    assert result.text == expected.text[expected.passage.start : expected.passage.end]
    assert isinstance(result.node, TextNode)
    assert result.text == text[result.node.start_char_idx : result.node.end_char_idx]
    assert result.text.endswith("Berlin is the capital of Germany.")


def test_a_passage_node_keeps_its_place_and_its_company() -> None:
    source, following = RelatedNodeInfo(node_id="book"), RelatedNodeInfo(node_id="next")
    node = TextNode(
        id_="n1",
        text=TEXT,
        embedding=[0.1, 0.2],
        metadata={"page": 3},
        start_char_idx=1000,
        end_char_idx=1000 + len(TEXT),
        relationships={NodeRelationship.SOURCE: source, NodeRelationship.NEXT: following},
    )
    before = node.to_dict()
    result, _ = rerank(node, Passage(19, 25, 1.0), return_passages=True, metadata_mode=MetadataMode.NONE)
    assert (result.text, result.node_id, result.metadata["page"]) == ("Berlin", "n1", 3)
    assert (result.start_char_idx, result.end_char_idx) == (1019, 1025)
    assert result.relationships == {NodeRelationship.SOURCE: source, NodeRelationship.NEXT: following}
    assert result.embedding is None
    assert result.ref_doc_id == "book"
    assert TextNode.from_dict(result.to_dict()) == result
    assert node.to_dict() == before


def test_a_node_without_a_source_becomes_the_passages_source() -> None:
    node = TextNode(id_="n1", text=TEXT)
    result, _ = rerank(node, Passage(19, 25, 1.0), return_passages=True)
    assert (result.start_char_idx, result.end_char_idx) == (19, 25)
    assert result.ref_doc_id == "n1"
    assert result.source_node.hash == node.hash
    assert node.relationships == {}


def test_documents_and_images_keep_what_they_are() -> None:
    document = Document(
        id_="d", text_resource=MediaResource(text=TEXT, mimetype="text/x-note", embeddings={"dense": [0.1]})
    )
    result, _ = rerank(document, Passage(19, 25, 1.0), return_passages=True)
    assert type(result) is Document
    assert (result.text, result.node_id) == ("Berlin", "d")
    assert result.text_resource is not None
    assert result.text_resource.mimetype == "text/x-note"
    assert result.text_resource.embeddings is None
    assert document.text == TEXT
    image, _ = rerank(ImageNode(text=TEXT, image_url="a.png"), Passage(19, 25, 1.0), return_passages=True)
    assert (type(image), image.text, image.image_url) == (ImageNode, "Berlin", "a.png")


def test_a_node_that_is_read_at_once_is_given_back_as_it_is() -> None:
    node = TextNode(text=TEXT)
    for passage in (None, Passage(0, len(TEXT), 1.0)):
        assert rerank(node, passage, return_passages=True)[0] is node
