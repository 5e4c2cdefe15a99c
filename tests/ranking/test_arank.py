from typing import Any

import pytest

from secondpass.errors import InputError
from secondpass.ranking import RankedDocument, arank, rank
from secondpass.testing import OverlapScorer


class Awaitable(OverlapScorer):
    """Can be awaited, and must not be called."""

    async def ascore(self, query: str, documents: list[str]) -> list[float]:
        return super().score(query, documents)

    def score(self, query: str, documents: object) -> list[float]:
        raise AssertionError(f"called with {query} and {documents}")


class AwaitableRanking(Awaitable):
    """Ranks by itself, likewise."""

    async def arank(self, query: str, documents: list[str]) -> list[RankedDocument]:
        return rank(OverlapScorer(), query, documents)

    def rank(self, query: str, documents: object) -> list[RankedDocument]:
        raise AssertionError(f"called with {query} and {documents}")


async def test_order_is_that_of_rank() -> None:
    texts = ["dog", "big cat", "cat"]
    cuts: list[dict[str, Any]] = [{}, {"top_k": 1}, {"score_threshold": 0.5}]
    for arguments in cuts:
        expected = rank(OverlapScorer(), "big cat", texts, **arguments)
        for scorer in (OverlapScorer(), Awaitable(), AwaitableRanking()):
            assert await arank(scorer, "big cat", texts, **arguments) == expected


async def test_no_documents_call_no_scorer() -> None:
    scorer = OverlapScorer()
    assert await arank(scorer, "query", []) == []
    assert scorer.calls == []


async def test_arguments_are_checked_as_in_rank() -> None:
    for query, documents, arguments in (
        (None, [], {}),
        ("query", "text", {}),
        ("query", [], {"top_k": 0}),
        ("query", [], {"score_threshold": float("nan")}),
    ):
        with pytest.raises(InputError) as ours:
            await arank(OverlapScorer(), query, documents, **arguments)  # type: ignore[arg-type] # the fact under test
        with pytest.raises(InputError) as theirs:
            rank(OverlapScorer(), query, documents, **arguments)  # type: ignore[arg-type] # likewise
        assert str(ours.value) == str(theirs.value)
