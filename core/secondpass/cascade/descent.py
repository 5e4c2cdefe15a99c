"""The documents of one request on their way through a cascade, and the order that comes of it."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from secondpass.cascade.keep import count_within_margin
from secondpass.errors import ScoringError
from secondpass.ranking import RankedDocument, Scorer
from secondpass.ranking.kept_order import is_kept_order


@dataclass(frozen=True, slots=True)
class CascadedDocument:
    """A document in the order of a cascade, and how it got there.

    Args:
        document: The document with its score in the cascade; passage and truncation are the deciding stage's.
        stage: The stage that decided, which is the last one that scored it; 0 is the first.
        stage_scores: Its score in each stage that read it, each in the unit of that stage.
    """

    document: RankedDocument
    stage: int
    stage_scores: tuple[float, ...]


class Descent:
    """The documents of one request on their way from stage to stage.

    Attributes:
        reading: The places of those that the next stage reads, in the given order, which is what equal scores keep.
    """

    def __init__(self, keep: Sequence[float], documents: Sequence[str]) -> None:
        self._keep = keep
        self._documents = documents
        self.reading = list(range(len(documents)))
        self._stage_scores: list[tuple[float, ...]] = [()] * len(documents)
        # Those of the next stage in the order so far, best first, and the stage that put them so.
        self._ranked: list[RankedDocument] = []
        self._ranked_by = 0
        # What each stage decided, best first.
        self._decided: list[list[RankedDocument]] = []

    def to_read(self) -> list[str]:
        """What the next stage reads."""
        return [self._documents[index] for index in self.reading]

    def take(self, scorer: Scorer, answer: Sequence[RankedDocument]) -> None:
        """Go on with what a stage made of the documents it was to read."""
        stage = len(self._decided)
        ranked = [replace(document, index=self.reading[document.index]) for document in answer]
        for document in ranked:
            self._stage_scores[document.index] += (document.score,)
        has_failed = is_kept_order(scorer, [self._stage_scores[index][-1] for index in self.reading])
        if not (has_failed and self._ranked):
            self._ranked, self._ranked_by = ranked, stage
        n_going_on = self._count_going_on(stage, has_failed=has_failed)
        self._decided.append([])
        # In front of what the same stage has decided before, if it has: these had gone on.
        self._decided[self._ranked_by][:0] = self._ranked[n_going_on:]
        self._ranked = self._ranked[:n_going_on]
        self.reading = sorted(document.index for document in self._ranked)

    def placed(self) -> list[CascadedDocument]:
        """All documents in their order."""
        stages = {document.index: stage for stage, decided in enumerate(self._decided) for document in decided}
        return [
            CascadedDocument(document, stages[document.index], self._stage_scores[document.index])
            for document in _lower(reversed(self._decided))
        ]

    def _count_going_on(self, stage: int, *, has_failed: bool) -> int:
        """How many of a stage's documents the next one reads."""
        if stage == len(self._keep):
            return 0
        keep = self._keep[stage]
        if isinstance(keep, int):
            return min(keep, len(self._ranked))
        if has_failed:
            return len(self._ranked)
        n_near = count_within_margin(keep, stage, self._ranked)
        return n_near if n_near > 1 else 0


def _lower(decided: Iterable[Sequence[RankedDocument]]) -> list[RankedDocument]:
    """The documents of all stages in one order, with scores that fall, and raw scores where a stage tells them.

    A map of the scores, such as a calibration, may make those of several stages equal: raw scores of different units
    would then undo the order.

    Args:
        decided: What each stage decided, best first; the last stage first.
    """
    stages = [list(documents) for documents in decided]
    documents = [document for stage in stages for document in stage]
    scores = _falling([[document.score for document in stage] for stage in stages])
    raw_scores: Sequence[float | None] = [None] * len(documents)
    if any(document.raw_score is not None for document in documents):
        raw_scores = _falling([[document.tie_breaker for document in stage] for stage in stages])
    return [
        replace(document, score=score, raw_score=raw_score)
        for document, score, raw_score in zip(documents, scores, raw_scores, strict=True)
    ]


def _falling(stages: Iterable[Iterable[float]]) -> list[float]:
    """The numbers, lowered no further than they have to be for each to lie below what is in front of it.

    Those of one stage that are equal side by side stay so.

    Raises:
        ScoringError: A number leaves no room below it.
    """
    falling: list[float] = []
    lowest = math.inf
    for numbers in stages:
        own: float | None = None
        for number in numbers:
            if number != own:
                lowest = number if not falling or number < lowest else _next_below(lowest)
            own = number
            falling.append(lowest)
    return falling


def _next_below(score: float) -> float:
    """The largest number of single precision below a score, of double precision where single has none.

    Raises:
        ScoringError: There is no finite one.
    """
    with np.errstate(over="ignore"):
        single = np.float32(score)
    if not float(single) < score:
        single = np.nextafter(single, np.float32(-np.inf))
    below = float(single) if np.isfinite(single) else math.nextafter(score, -math.inf)
    if below == -math.inf:
        raise ScoringError(f"a stage's scores must leave room below them for those of the stage before, got {score}")
    return below
