"""Which documents take part in a ranking, and what errors call them."""

import pytest
from haystack import Document
from haystack.dataclasses import ByteStream
from scorers import Fixed

from haystack_integrations.components.rankers.secondpass import SecondPassRanker
from secondpass.errors import InputError, ScoringError
from secondpass.testing import OverlapScorer

PICTURE = ByteStream(b"\x89PNG", mime_type="image/png")
# Of the first two the second takes part.
WITH_A_DUPLICATE = [
    Document(id="a", content="a cat", score=0.1),
    Document(id="a", content="a cat", score=0.9),
    Document(id="b", content="a dog"),
]


@pytest.mark.parametrize(("scores", "number"), [([float("nan"), 1.0], 1), ([1.0, float("nan")], 2)])
async def test_errors_number_documents_as_they_were_given(scores: list[float], number: int) -> None:
    ranker = SecondPassRanker(scorer=Fixed(scores))
    with pytest.raises(ScoringError, match=f"got NaN for document {number}$"):
        ranker.run("cat", WITH_A_DUPLICATE)
    with pytest.raises(ScoringError, match=f"got NaN for document {number}$"):
        await ranker.run_async("cat", WITH_A_DUPLICATE)


async def test_a_text_that_no_model_reads_has_its_number(model: str) -> None:
    documents = [*WITH_A_DUPLICATE[:2], Document(id="b", content="broken \ud800")]
    ranker = SecondPassRanker(model)
    with pytest.raises(InputError, match=r"^the document of pair 2 must be Unicode text"):
        ranker.run("cat", documents)
    with pytest.raises(InputError, match=r"^the document of pair 2 must be Unicode text"):
        await ranker.run_async("cat", documents)


@pytest.mark.parametrize("content", [None, "", " \n"])
def test_a_blob_without_text_is_refused(content: str | None) -> None:
    picture = Document(id="picture", content=content, blob=PICTURE, meta={"file_name": "cat.png"})
    ranker = SecondPassRanker(scorer=OverlapScorer(), meta_fields_to_embed=["file_name"], document_prefix="text: ")
    message = "^document must have text beside its blob to be reranked, got Document picture without any: give it"
    with pytest.raises(InputError, match=message):
        ranker.run("cat", [Document(content="a cat"), picture])


def test_a_blob_with_a_caption_is_ranked_by_that() -> None:
    captioned = Document(content="a cat", blob=PICTURE)
    ranker = SecondPassRanker(scorer=OverlapScorer(), scale_score=False)
    (ranked,) = ranker.run("cat", [captioned])["documents"]
    assert (ranked.score, ranked.blob) == (1.0, PICTURE)
