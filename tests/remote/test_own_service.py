"""What our own service serves is what the library scores, through every API, and what it says beside is kept."""

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from fake_service import Reply, faking
from judgements import steps

from secondpass import CachedScorer, Calibrated, Calibration, CrossEncoder, RemoteScorer
from secondpass.errors import InputError, RemoteError
from secondpass.remote.apis import API_NAMES, ApiName

# Some of the texts are meant to be too long.
pytestmark = pytest.mark.filterwarnings("ignore::secondpass.errors.TruncationWarning")

QUERY = "how many people live in berlin"
DOCUMENTS = ["A forest.", "Berlin has 3.5 million inhabitants.", "", "The Berlin wall fell.", "東京", "🦊 berlin"]
LONG = "A sentence that fills the window. " * 40 + "Berlin has 3.5 million inhabitants."


@pytest.fixture(scope="module")
def probabilities() -> list[float]:
    scores: list[float] = CrossEncoder("secondpass/mini", activation="sigmoid").score(QUERY, DOCUMENTS).tolist()
    return scores


@pytest.mark.parametrize("api", ["auto", *API_NAMES])
async def test_scores_are_the_librarys(served: str, api: ApiName, probabilities: list[float]) -> None:
    with RemoteScorer(served, api=api) as scorer:
        np.testing.assert_allclose(scorer.score(QUERY, DOCUMENTS), probabilities, atol=1e-6, rtol=0)
        ranked = scorer.rank(QUERY, DOCUMENTS, top_k=3)
    assert [document.index for document in ranked] == np.argsort(-np.array(probabilities), kind="stable")[:3].tolist()
    assert [document.text for document in ranked] == [DOCUMENTS[document.index] for document in ranked]
    async with RemoteScorer(served, api=api) as scorer:
        np.testing.assert_allclose(await scorer.ascore(QUERY, DOCUMENTS), probabilities, atol=1e-6, rtol=0)
        again = await scorer.arank(QUERY, DOCUMENTS, top_k=3)
    assert [document.index for document in again] == [document.index for document in ranked]
    np.testing.assert_allclose([one.score for one in again], [one.score for one in ranked], atol=1e-6, rtol=0)


@pytest.fixture(scope="module")
def logits() -> list[float]:
    scores: list[float] = CrossEncoder("secondpass/mini", activation="identity").score(QUERY, DOCUMENTS).tolist()
    return scores


@pytest.mark.parametrize("api", ["auto", "secondpass", "tei", "vllm", "infinity"])
def test_raw_scores_are_the_librarys_logits(served: str, api: ApiName, logits: list[float]) -> None:
    with RemoteScorer(served, api=api, raw_scores=True) as scorer:
        np.testing.assert_allclose(scorer.score(QUERY, DOCUMENTS), logits, atol=1e-5, rtol=0)


@pytest.mark.parametrize("api", ["auto", "secondpass"])
@pytest.mark.parametrize("path", ["", "/", "/v1", "/v2/", "/rerank", "/v1/rerank", "/v2/rerank", "/v2/rerank?a=b"])
def test_every_form_of_the_address_will_do(
    served: str, path: str, api: Literal["auto", "secondpass"], probabilities: list[float]
) -> None:
    with RemoteScorer(served + path, api=api) as scorer:
        assert scorer.score(QUERY, DOCUMENTS[:2]) == pytest.approx(probabilities[:2], abs=1e-6)
        ranked = sorted(scorer.rank(QUERY, DOCUMENTS[:2]), key=lambda document: document.index)
    assert [document.score for document in ranked] == pytest.approx(probabilities[:2], abs=1e-6)
    assert all(document.passage is not None for document in ranked)


@pytest.mark.parametrize("path", ["/x", "/x/v1", "/x/rerank", "/x/v1/rerank?key=k"])
def test_so_will_one_behind_a_prefix(path: str) -> None:
    with faking(pages={"/x/info": {"server": "secondpass"}}) as fake, RemoteScorer(fake.url + path) as scorer:
        assert [document.index for document in scorer.rank(QUERY, ["four", "a"])] == [1, 0]
        assert fake.posts[0][0] == "/x/v2/rerank" + "".join(path.partition("?")[1:])


def test_passages_and_truncation_are_those_of_the_library(served: str) -> None:
    documents = [LONG, "Berlin has 3.5 million inhabitants.", "A forest."]
    here = CrossEncoder("secondpass/mini", activation="sigmoid", max_length=64, long_documents="windows").rank(
        QUERY, documents
    )
    with RemoteScorer(served, model="windows") as scorer:
        there = scorer.rank(QUERY, documents)
    assert [document.index for document in there] == [document.index for document in here]
    for mine, theirs in zip(here, there, strict=True):
        assert mine.passage is not None
        assert theirs.passage is not None
        assert (theirs.passage.start, theirs.passage.end) == (mine.passage.start, mine.passage.end)
        assert theirs.passage.score == pytest.approx(mine.passage.score, abs=1e-6)
        assert (theirs.truncated, mine.truncated) == (False, False)


def test_truncation_is_told_of_each_document(served: str) -> None:
    with RemoteScorer(served) as scorer:
        ranked = scorer.rank(QUERY, ["word " * 2000, "short"])
    assert {document.index: document.truncated for document in ranked} == {0: True, 1: False}


async def test_equal_scores_have_the_order_of_the_logits_across_requests(served: str) -> None:
    logits = CrossEncoder("secondpass/mini", activation="identity")
    here = CrossEncoder("secondpass/mini", calibration=steps(logit=100, fingerprint=logits.fingerprint()))
    expected = here.rank(QUERY, DOCUMENTS)
    async with RemoteScorer(served, model="level", max_texts=2) as scorer:
        for there in (scorer.rank(QUERY, DOCUMENTS), await scorer.arank(QUERY, DOCUMENTS)):
            assert [document.index for document in there] == [document.index for document in expected]
            assert {document.score for document in there} == {0.1}
            raw_scores = [document.raw_score for document in expected]
            assert [document.raw_score for document in there] == pytest.approx(raw_scores, abs=1e-5)


@pytest.mark.parametrize(("n_truncated", "expected"), [(0, False), (1, None), (2, True)])
def test_of_an_earlier_service_it_is_told_where_the_count_leaves_no_doubt(
    n_truncated: int, *, expected: bool | None
) -> None:
    reply = Reply(headers={"content-type": "application/json", "x-truncated": str(n_truncated)})
    with faking([reply], pages={"/info": {"server": "secondpass"}}) as fake, RemoteScorer(fake.url) as scorer:
        assert [document.truncated for document in scorer.rank(QUERY, ["four", "a"])] == [expected] * 2


def test_a_raw_fingerprint_is_the_one_the_model_has_here(served: str) -> None:
    here = CrossEncoder("secondpass/mini", activation="identity").fingerprint()
    assert RemoteScorer(served, raw_scores=True).fingerprint() == here
    others = {RemoteScorer(served).fingerprint(), RemoteScorer(served, model="windows", raw_scores=True).fingerprint()}
    assert len(others - {here}) == 2


def test_it_can_be_cached_and_calibrated_as_if_it_were_here(served: str, tmp_path: Path) -> None:
    here = CrossEncoder("secondpass/mini", activation="identity")
    generator = np.random.default_rng(0)
    logits = generator.normal(size=200)
    relevant = generator.random(200) < 1 / (1 + np.exp(-logits))
    calibration = Calibration.fit(logits, relevant, range(200), fingerprint=here.fingerprint())
    with RemoteScorer(served, raw_scores=True) as there:
        expected = Calibrated(here, calibration).score(QUERY, DOCUMENTS)
        np.testing.assert_allclose(Calibrated(there, calibration).score(QUERY, DOCUMENTS), expected, atol=1e-5)
        cached = CachedScorer(there, tmp_path)
        assert cached.score(QUERY, DOCUMENTS) == cached.score(QUERY, DOCUMENTS)
        assert (cached.hits, cached.misses) == (len(DOCUMENTS), len(DOCUMENTS))
    with RemoteScorer(served) as scaled, pytest.raises(InputError, match="calibration must be of this model"):
        Calibrated(scaled, calibration)


def test_a_service_and_its_model_share_a_folder_and_nothing_in_it(served: str, tmp_path: Path) -> None:
    here = CrossEncoder("secondpass/mini", activation="identity")
    documents = [*DOCUMENTS, LONG]
    with RemoteScorer(served, raw_scores=True) as there:
        cached_there, cached_here = CachedScorer(there, tmp_path), CachedScorer(here, tmp_path)
        assert cached_there.fingerprint() == cached_here.fingerprint()
        cached_there.score(QUERY, documents)
        cached_there.rank(QUERY, documents)
        for _ in range(2):
            scores = cached_here.score(QUERY, documents)
            assert isinstance(scores, np.ndarray)
            assert scores.tolist() == here.score(QUERY, documents).tolist()
            assert cached_here.rank(QUERY, documents) == here.rank(QUERY, documents)
            pairs = [(QUERY, text) for text in documents]
            assert cached_here.read(pairs).truncated.tolist() == here.read(pairs).truncated.tolist()
        assert isinstance(cached_there.score(QUERY, documents), list)
        assert cached_there.misses == 2 * len(documents)


def test_a_model_without_a_fingerprint_is_said_to_have_none(served: str) -> None:
    with pytest.raises(InputError, match="url must be of a service that tells what its scores depend on"):
        RemoteScorer(served, model="plain").fingerprint()


def test_an_unknown_model_has_no_fingerprint_and_that_is_not_the_urls_fault(served: str) -> None:
    apis: list[Literal["auto", "secondpass"]] = ["auto", "secondpass"]
    for api in apis:
        with pytest.raises(
            RemoteError, match=r" must serve nothing, it serves secondpass/mini, windows, plain, level$"
        ):
            RemoteScorer(served, api=api, model="nothing").fingerprint()


def test_an_unknown_model_is_the_services_own_error(served: str) -> None:
    with pytest.raises(RemoteError, match=r"answered 404 Not Found: model must be one of secondpass/mini, ") as caught:
        RemoteScorer(served, model="nothing").score(QUERY, ["text"])
    assert caught.value.status == 404
