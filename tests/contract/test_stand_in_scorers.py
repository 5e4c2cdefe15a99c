"""Scorers that answer to any name, as unit tests of pipelines put in a scorer's place, and proxies of remote ones."""

from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock, Mock
from xmlrpc.client import ServerProxy

import pytest

from secondpass import CachedScorer, RemoteScorer
from secondpass.calibration import calibration_of
from secondpass.ranking import AsyncScorer, PairScorer, RankingScorer, score_pairs, sources, unwrapped

if TYPE_CHECKING:
    from pathlib import Path

    from drivers import Driver

MOCKS = pytest.mark.parametrize(
    "mock", [Mock(), MagicMock(), Mock(spec=["score"])], ids=["Mock", "MagicMock", "of a method"]
)


@MOCKS
async def test_a_mock_is_a_scorer_that_has_what_was_said_of_it(driver: "Driver", mock: Any) -> None:
    mock.score.return_value = [1.0, 3.0, 2.0]
    adapter = driver.adapter(scorer=mock, top_n=2)
    documents = driver.documents(["a", "b", "c"])
    for ranked in (driver.run(adapter, "q", documents), await driver.arun(adapter, "q", documents)):
        assert [driver.seen(document).text for document in ranked] == ["b", "c"]
    mock.score.assert_called_with("q", ["a", "b", "c"])


@MOCKS
def test_a_mock_offers_nothing_beyond_scores(mock: Any, tmp_path: "Path") -> None:
    mock.score.return_value = [1.0]
    assert not isinstance(mock, AsyncScorer | PairScorer | RankingScorer)
    assert score_pairs(mock, [("q", "a")]).tolist() == [1.0]
    assert calibration_of(mock) is None
    assert unwrapped(mock) == mock
    assert list(CachedScorer(mock, tmp_path, fingerprint="a mock").score("q", ["a"])) == [1.0]


def test_a_mock_of_a_class_offers_what_the_class_does() -> None:
    mock = Mock(spec=RemoteScorer)
    assert isinstance(mock, RankingScorer)
    assert calibration_of(mock) is None


def test_a_proxy_is_taken_for_a_scorer_and_asked_nothing(driver: "Driver") -> None:
    with ServerProxy("http://127.0.0.1:9") as proxy:  # where nothing listens
        adapter = driver.adapter(scorer=proxy)
        assert driver.scorer(adapter) is proxy
        with pytest.raises(ConnectionRefusedError):
            driver.run(adapter, "q", driver.documents(["a"]))


class _Around:
    """Has a scorer, which may be itself."""

    def __init__(self) -> None:
        self.scorer: Any = self

    def score(self, _: str, documents: list[str]) -> list[float]:
        return [float(len(text)) for text in documents]


def test_scorers_that_lead_back_to_themselves_have_an_end(driver: "Driver") -> None:
    outer, inner = _Around(), _Around()
    outer.scorer, inner.scorer = inner, outer
    assert list(sources(outer)) == [outer, inner]
    assert unwrapped(outer) is inner
    (ranked, _) = driver.run(driver.adapter(scorer=_Around()), "q", driver.documents(["a", "bb"]))
    assert driver.seen(ranked).text == "bb"
