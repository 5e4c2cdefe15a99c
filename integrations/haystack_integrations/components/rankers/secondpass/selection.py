"""From an order of raw scores to the documents a run gives: scaling, threshold, top_k."""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

from haystack import Document

from secondpass.errors import InputError
from secondpass.ranking import RankedDocument
from secondpass.ranking.checks import check_score_threshold, check_top_k


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What one run does with scores.

    Args:
        top_k: Keep at most this many; None keeps all.
        scale_score: Whether to give `sigmoid(score * calibration_factor)`.
        calibration_factor: Greater than 0, so that the order stays; needed for `scale_score` only.
        score_threshold: Keep scores of at least this much, after scaling and before `top_k`.

    Raises:
        InputError: A value breaks a rule.
    """

    top_k: int | None
    scale_score: bool
    calibration_factor: float | None
    score_threshold: float | None

    def __post_init__(self) -> None:
        if isinstance(self.top_k, int) and self.top_k <= 0:
            # The words of Haystack's rankers.
            raise InputError(f"top_k must be > 0, but got {self.top_k}")
        check_top_k(self.top_k)
        check_score_threshold(self.score_threshold)
        if self.scale_score and (self.calibration_factor is None or not self.calibration_factor > 0):
            raise InputError(f"calibration_factor must be greater than 0 to scale, got {self.calibration_factor}")

    def of(self, documents: Sequence[Document], ranking: Sequence[RankedDocument]) -> list[Document]:
        """Copies of the documents that are kept, with their scores, in the order of `ranking`."""
        scores = [self._scaled(place.score) for place in ranking]
        kept = [
            dataclasses.replace(documents[place.index], score=score)
            for place, score in zip(ranking, scores, strict=True)
            if self.score_threshold is None or score >= self.score_threshold
        ]
        return kept[: self.top_k]

    def _scaled(self, score: float) -> float:
        if not self.scale_score or self.calibration_factor is None:
            return score
        return sigmoid(score * self.calibration_factor)


def sigmoid(logit: float) -> float:
    """A number from 0 to 1, for a logit of any size."""
    if logit >= 0:
        return 1 / (1 + math.exp(-logit))
    return math.exp(logit) / (1 + math.exp(logit))
