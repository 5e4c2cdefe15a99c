"""What LangChain expects of a cross-encoder."""

import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence

import pytest
from langchain_core.documents import Document

from langchain_secondpass import SecondPassRerank
from secondpass.errors import ScoringError
from secondpass.testing import OverlapScorer

has_cross_encoders = importlib.util.find_spec("langchain_core.cross_encoders") is not None
needs_cross_encoders = pytest.mark.skipif(not has_cross_encoders, reason="langchain-core before 1.2.19")


@needs_cross_encoders
def test_cross_encoder_in_langchains_reranker() -> None:
    from langchain_classic.retrievers.document_compressors import CrossEncoderReranker

    from langchain_secondpass import SecondPassCrossEncoder

    compressor = CrossEncoderReranker(model=SecondPassCrossEncoder(scorer=OverlapScorer()), top_n=2)
    documents = [Document(page_content=text) for text in ("a red car", "a dog", "the big red cat", "big cat")]
    assert [document.page_content for document in compressor.compress_documents(documents, "big red cat")] == [
        "the big red cat",
        "big cat",
    ]


@needs_cross_encoders
def test_cross_encoder_scores_pairs_of_many_queries_in_order(model: str) -> None:
    from langchain_secondpass import SecondPassCrossEncoder

    pairs = [("cat", "a cat"), ("cat", "a dog"), ("dog", "a dog"), ("cat", "cat and dog")]
    scorer = OverlapScorer()
    assert SecondPassCrossEncoder(scorer=scorer).score(pairs) == [1.0, 0.0, 1.0, 1.0]
    assert len(scorer.calls) == 2  # one per query, wherever its pairs stand
    assert SecondPassCrossEncoder(scorer=scorer).score([]) == []
    scores = SecondPassCrossEncoder(model=model).score(pairs)
    assert {type(score) for score in scores} == {float}
    alone = [SecondPassRerank(model=model).compress_documents([Document(page_content=d)], q)[0] for q, d in pairs]
    assert scores == pytest.approx([document.metadata["relevance_score"] for document in alone], abs=1e-5)


@needs_cross_encoders
def test_cross_encoder_gives_pairs_to_a_scorer_that_takes_pairs() -> None:
    from langchain_secondpass import SecondPassCrossEncoder

    class TakesPairs(OverlapScorer):
        def predict(self, pairs: Iterable[tuple[str, str]]) -> list[float]:
            return [float(len(document)) for _, document in pairs]

    scorer = TakesPairs()
    assert SecondPassCrossEncoder(scorer=scorer).score([("cat", "a cat"), ("dog", "dog")]) == [5.0, 3.0]
    assert scorer.calls == []


@needs_cross_encoders
@pytest.mark.parametrize("scores", [[0.5], [0.5, float("nan")], [[0.5], [0.25]]], ids=["too few", "NaN", "columns"])
def test_cross_encoder_refuses_scores_that_would_go_astray(scores: list[float]) -> None:
    from langchain_secondpass import SecondPassCrossEncoder

    class Broken:
        def score(self, query: str, documents: Sequence[str]) -> list[float]:  # noqa: ARG002 - the protocol's
            return scores

    with pytest.raises(ScoringError):
        SecondPassCrossEncoder(scorer=Broken()).score([("cat", "a cat"), ("cat", "a dog"), ("dog", "a dog")])


def test_cross_encoder_says_which_langchain_core_it_needs() -> None:
    code = """
import sys
sys.modules["langchain_core.cross_encoders"] = None  # as in a langchain-core before 1.2.19
import langchain_secondpass as package
package.SecondPassRerank
package.SecondPassCrossEncoder
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert re.search(
        "MissingExtraError: SecondPassCrossEncoder needs langchain-core 1.2.19 or newer, got 1[.].*: "
        'pip install "langchain-core>=1.2.19"',
        done.stderr,
    )
    assert done.stderr.count("Traceback") == 1
