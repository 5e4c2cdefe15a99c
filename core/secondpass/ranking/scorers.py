"""What gives scores: the one seam between models, services, fakes in tests, and everything that ranks with them.

`Scorer` is all that is needed. The other protocols say what a scorer may also offer; code that can use it asks with
`isinstance`, and never for a class. Nor does it ask for one to know whether documents may be scored apart: see
`is_pointwise`.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from secondpass.errors import NoFingerprintError
from secondpass.ranking.ranked_document import Passage, RankedDocument
from secondpass.ranking.readings import Readings

# Until Python 3.12 typing's own protocols take what answers to any name, such as a mock or a proxy, for all of them.
if sys.version_info >= (3, 12):
    from typing import Protocol, runtime_checkable
else:
    from typing_extensions import Protocol, runtime_checkable

Pair: TypeAlias = tuple[str, str]
"""A query and a document."""


@runtime_checkable
class Scorer(Protocol):
    """Anything that scores documents against a query: a local model, a remote service, a fake in a test.

    One whose scores depend on what else it is given, such as a `Cascade`, says so by an attribute `is_pointwise` that
    is False. So does a scorer around such a one.
    """

    def score(self, query: str, documents: Sequence[str]) -> Sequence[float] | NDArray[np.float32]:
        """One score per document, in the given order; higher means more relevant."""
        ...


@runtime_checkable
class AsyncScorer(Scorer, Protocol):
    """A scorer that can also be awaited, such as `CrossEncoder` or a remote service."""

    async def ascore(self, query: str, documents: Sequence[str]) -> Sequence[float] | NDArray[np.float32]:
        """The numbers of `score`, without blocking the event loop."""
        ...


@runtime_checkable
class PairScorer(Scorer, Protocol):
    """A scorer that also takes pairs of many queries in one call, such as `CrossEncoder`."""

    def predict(self, pairs: Iterable[Pair]) -> Sequence[float] | NDArray[np.float32]:
        """One score per (query, document) pair, in the given order; the numbers of `score`."""
        ...


@runtime_checkable
class RankingScorer(Scorer, Protocol):
    """A scorer that also says what it read, such as `CrossEncoder`: passages, and what was truncated."""

    def rank(self, query: str, documents: Sequence[str]) -> list[RankedDocument]:
        """Every document, best first, with the numbers of `score`.

        Equal scores keep the given order, or that of the raw scores where these are told.
        """
        ...


@runtime_checkable
class AsyncRankingScorer(RankingScorer, Protocol):
    """A ranking scorer that can also be awaited."""

    async def arank(self, query: str, documents: Sequence[str]) -> list[RankedDocument]:
        """What `rank` gives, without blocking the event loop."""
        ...


@runtime_checkable
class ReadingScorer(Scorer, Protocol):
    """A scorer that also says of pairs of many queries what it read, such as `CrossEncoder`."""

    def read(self, pairs: Iterable[Pair]) -> Readings:
        """The numbers of `score` for each (query, document) pair, its best passage, and whether it was truncated."""
        ...


@runtime_checkable
class StreamReadingScorer(ReadingScorer, Protocol):
    """A reading scorer that also answers while a stream of pairs goes on, such as `CrossEncoder`."""

    def read_blocks(self, pairs: Iterable[Pair], *, passages: bool = ...) -> Iterator[Readings]:
        """What `read` gives, in parts of any size, in order; without passages where these are not wanted."""
        ...


@runtime_checkable
class PassageScorer(Scorer, Protocol):
    """A scorer that also finds the best parts of a document, such as `CrossEncoder`."""

    def passages(self, query: str, document: str, *, max_tokens: int = ..., top_k: int | None = ...) -> list[Passage]:
        """Parts of at most so many tokens, best first; none overlaps another."""
        ...


@runtime_checkable
class Fingerprinted(Protocol):
    """A scorer that can say what its scores depend on.

    A scorer around others has the method whatever they are, and so does one whose model runs elsewhere.
    """

    def fingerprint(self) -> str:
        """One string that is another one where the scores may be others.

        Raises:
            NoFingerprintError: There is none.
        """
        ...


def known_fingerprint(scorer: object) -> str | None:
    """What a scorer says of what its scores depend on; None where it cannot tell, as many services."""
    if not isinstance(scorer, Fingerprinted):
        return None
    try:
        return scorer.fingerprint()
    except NoFingerprintError:
        return None


@runtime_checkable
class Loadable(Protocol):
    """A scorer whose model can be loaded ahead of the first document, and let go of."""

    def load(self) -> object:
        """Load the model now, unless it is loaded."""
        ...

    def release(self) -> None:
        """Let go of the model; the next score loads it again."""
        ...


def unwrapped(scorer: object) -> object:
    """What gives the scores: the scorer, or what stands innermost in it, as in a `CachedScorer` or a `Calibrated`."""
    *_, innermost = scorer, *_chain(scorer, "scorer")
    return innermost


def can_change(scorer: object) -> bool:
    """Whether it may have another model later: only what is loaded on demand can, as the model of a service is.

    So can a scorer around several, such as a `Cascade`, if one of its `scorers` can.
    """
    innermost = unwrapped(scorer)
    several = getattr(innermost, "scorers", ())
    return isinstance(innermost, Loadable) or (isinstance(several, list | tuple) and any(map(can_change, several)))


def sources(scorer: object) -> Iterator[object]:
    """The scorer and what its scores come from, one within the other: who asks for their unit asks each of them.

    As `unwrapped`, but through a `Cascade` too, by its attribute `deciding`: the unit is that of its last stage.
    """
    return _chain(scorer, "scorer", "deciding")


def _chain(scorer: object, *names: str) -> Iterator[object]:
    """The scorer and what stands in it under the first of these names that it has, as long as these are new scorers."""
    seen: list[object] = []
    while isinstance(scorer, Scorer) and not any(scorer is other for other in seen):
        seen.append(scorer)
        yield scorer
        scorer = next((getattr(scorer, name) for name in names if hasattr(scorer, name)), None)


def is_pointwise(scorer: object) -> bool:
    """Whether a document's score depends on nothing but the query and itself; so it is unless the scorer denies it.

    Such scores may be kept, and documents scored in any company.
    """
    return bool(getattr(scorer, "is_pointwise", True))
