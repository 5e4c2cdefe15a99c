"""`rank` for coroutines: the same order, and the event loop stays free."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from secondpass.ranking import RankedDocument, Scorer, check_request, ranked


@runtime_checkable
class AsyncScorer(Scorer, Protocol):
    """A scorer that can also be awaited, such as `CrossEncoder` or a remote service."""

    async def ascore(self, query: str, documents: Sequence[str]) -> Sequence[float] | NDArray[np.float32]:
        """The numbers of `score`, without blocking the event loop."""
        ...


async def arank(
    scorer: Scorer,
    query: str,
    documents: Iterable[str],
    *,
    top_k: int | None = None,
    score_threshold: float | None = None,
) -> list[RankedDocument]:
    """The documents, best first; see `rank` for arguments and errors.

    An `AsyncScorer` is awaited; any other scorer runs in a thread.
    """
    texts = check_request(query, documents, top_k, score_threshold)
    if not texts:
        return []
    if isinstance(scorer, AsyncScorer):
        scores = await scorer.ascore(query, texts)
    else:
        scores = await asyncio.to_thread(scorer.score, query, texts)
    return ranked(scores, texts, top_k=top_k, score_threshold=score_threshold)
