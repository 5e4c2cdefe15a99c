"""A reranker that is down need not take the app down: the given order stays, and it is said."""

import warnings
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from fake_service import Reply, closed_url, faking, score_of

from secondpass import CachedScorer, Calibrated, Calibration, RemoteScorer, arank, rank
from secondpass.errors import InputError, RemoteError, RemoteWarning

DOCUMENTS = ["four", "a", "seven.."]


def lost(on_failure: Literal["raise", "keep_order"] = "keep_order") -> RemoteScorer:
    return RemoteScorer(closed_url(), retries=0, on_failure=on_failure)


async def asked_in_every_way(scorer: RemoteScorer) -> None:
    assert scorer.score("query", DOCUMENTS) == [-1.0, -2.0, -3.0]
    assert await scorer.ascore("query", DOCUMENTS) == [-1.0, -2.0, -3.0]
    assert [document.index for document in scorer.rank("query", DOCUMENTS, top_k=2)] == [0, 1]
    assert [document.index for document in rank(scorer, "query", DOCUMENTS)] == [0, 1, 2]
    assert [document.score for document in await arank(scorer, "query", DOCUMENTS)] == [-1.0, -2.0, -3.0]


async def test_the_given_order_stays_with_a_warning_each_time() -> None:
    scorer = lost()
    assert (scorer.n_failures, scorer.last_failure) == (0, None)
    message = r"the documents keep the given order: http://.* could not be reached"
    with pytest.warns(RemoteWarning, match=message) as said:
        await asked_in_every_way(scorer)
    assert len(said) == scorer.n_failures == 5
    assert {warning.filename for warning in said} == {__file__}, "it points at the call"
    assert isinstance(scorer.last_failure, RemoteError)


def test_a_service_that_is_not_ready_has_failed_no_call() -> None:
    scorer = lost()
    with pytest.warns(RemoteWarning, match=r"the service is not ready, .*: http://.* could not be reached") as said:
        assert scorer.load() is scorer
    assert (len(said), said[0].filename) == (1, __file__)
    assert (scorer.n_failures, scorer.last_failure) == (0, None)
    with pytest.raises(RemoteError):
        lost("raise").load()


def test_a_threshold_for_served_scores_drops_what_has_none() -> None:
    with pytest.warns(RemoteWarning):
        assert lost().rank("query", DOCUMENTS, score_threshold=0.0) == []


async def test_an_answer_that_would_look_like_a_failure_is_one() -> None:
    """llama.cpp serves logits (ggml-org/llama.cpp #8555, #9510)."""
    logits = Reply(change=lambda results: [{**one, "relevance_score": one["relevance_score"] - 0.3} for one in results])
    pages = {"/v1/models": {"data": [{"id": "m", "owned_by": "llamacpp"}]}}
    expected = [score_of(text) - 0.3 for text in DOCUMENTS]
    message = r'must give no scores below 0 with on_failure="keep_order", which has them for failures, got -0\.1.*llama'
    with faking([logits] * 3, pages=pages) as fake:
        with RemoteScorer(fake.url, on_failure="keep_order") as scorer:
            with pytest.warns(RemoteWarning, match=message):
                assert scorer.score("query", DOCUMENTS) == [-1.0, -2.0, -3.0]
            with pytest.warns(RemoteWarning, match=message):
                assert [one.index for one in await scorer.arank("query", DOCUMENTS)] == [0, 1, 2]
            assert scorer.n_failures == 2
        with RemoteScorer(fake.url) as scorer:
            assert scorer.score("query", DOCUMENTS) == expected


def test_it_ranks_again_as_soon_as_the_service_does() -> None:
    with faking([Reply(500), Reply()]) as fake, RemoteScorer(fake.url, on_failure="keep_order") as scorer:
        with pytest.warns(RemoteWarning, match="500 Internal Server Error"):
            assert scorer.score("query", DOCUMENTS) == [-1.0, -2.0, -3.0]
        assert scorer.score("query", DOCUMENTS) == [score_of(text) for text in DOCUMENTS]
        assert scorer.n_failures == 1


def test_a_mistake_of_the_caller_is_an_error_still() -> None:
    with warnings.catch_warnings(), pytest.raises(InputError, match="query must be a string"):
        lost().score(None, DOCUMENTS)  # type: ignore[arg-type] # what the check is for


def test_such_scores_are_neither_kept_nor_calibrated(tmp_path: Path) -> None:
    calibration = Calibration.fit(np.linspace(-2, 2, 100), [0, 0, 1, 0, 1, 1] * 16 + [0, 1, 1, 1], range(100))
    with pytest.raises(InputError, match="scorer must raise its failures, not score them"):
        CachedScorer(lost(), tmp_path, fingerprint="given")
    with pytest.raises(InputError, match="scorer must raise its failures, not score them"):
        Calibrated(lost(), calibration)
    with pytest.raises(
        InputError, match='on_failure must be "raise" for a scorer with a fingerprint, got "keep_order"'
    ):
        lost().fingerprint()
