"""What gives scores: the one seam between models, services, fakes in tests, and everything that ranks with them."""

from collections.abc import Sequence
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Pair: TypeAlias = tuple[str, str]
"""A query and a document."""


@runtime_checkable
class Scorer(Protocol):
    """Anything that scores documents against a query: a local model, a remote service, a fake in a test."""

    def score(self, query: str, documents: Sequence[str]) -> Sequence[float] | NDArray[np.float32]:
        """One score a document, in the given order; higher means more relevant."""
        ...


@runtime_checkable
class AsyncScorer(Scorer, Protocol):
    """A scorer that can also be awaited, such as `CrossEncoder` or a remote service."""

    async def ascore(self, query: str, documents: Sequence[str]) -> Sequence[float] | NDArray[np.float32]:
        """The numbers of `score`, without blocking the event loop."""
        ...
