"""One run in the core's words: what is asked of the scorer, and which documents it leaves."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from haystack import Document

from secondpass.errors import InputError
from secondpass.ranking import RankedDocument, ScoreMap, Scorer, Sigmoid, arank, rank
from secondpass.ranking.checks import check_score_threshold, check_top_k


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What one run does with scores.

    Args:
        top_k: Keep at most this many; None keeps all.
        scale_score: Whether to give `sigmoid(score * calibration_factor)`.
        calibration_factor: Greater than 0, so that the order stays; needed for `scale_score` only.
        is_scaled: Whether scores are numbers from 0 to 1 already, so that nothing is left to scale.
        score_threshold: Keep scores of at least this much, after scaling and before `top_k`.

    Raises:
        InputError: A value breaks a rule.
    """

    top_k: int | None
    scale_score: bool
    calibration_factor: float | None
    is_scaled: bool
    score_threshold: float | None

    def __post_init__(self) -> None:
        if isinstance(self.top_k, int) and self.top_k <= 0:
            # The words of Haystack's rankers.
            raise InputError(f"top_k must be > 0, but got {self.top_k}")
        check_top_k(self.top_k)
        check_score_threshold(self.score_threshold)
        if self.scale_score and (self.calibration_factor is None or not self.calibration_factor > 0):
            raise InputError(f"calibration_factor must be greater than 0 to scale, got {self.calibration_factor}")
        if self.scale_score and self.is_scaled and self.calibration_factor != 1.0:
            raise InputError(
                f"calibration_factor must be left out with a calibration or a service, which scale by themselves, got "
                f"{self.calibration_factor}"
            )

    @property
    def score_map(self) -> ScoreMap | None:
        """What scores become."""
        if not self.scale_score or self.is_scaled or self.calibration_factor is None:
            return None
        return Sigmoid(self.calibration_factor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One run.

    Args:
        query: What the scorer reads as the query.
        documents: The candidates.
        texts: What the scorer reads of each.
        selection: What becomes of its scores.
    """

    query: str
    documents: Sequence[Document]
    texts: Sequence[str]
    selection: Selection

    def rank(self, scorer: Scorer) -> list[Document]:
        """Copies of the documents that are kept, with their scores, best first."""
        selection = self.selection
        return self._with_scores(
            rank(
                scorer,
                self.query,
                self.texts,
                top_k=selection.top_k,
                score_threshold=selection.score_threshold,
                score_map=selection.score_map,
            )
        )

    async def arank(self, scorer: Scorer) -> list[Document]:
        """What `rank` gives, without blocking the event loop."""
        selection = self.selection
        return self._with_scores(
            await arank(
                scorer,
                self.query,
                self.texts,
                top_k=selection.top_k,
                score_threshold=selection.score_threshold,
                score_map=selection.score_map,
            )
        )

    def _with_scores(self, ranking: Sequence[RankedDocument]) -> list[Document]:
        return [dataclasses.replace(self.documents[ranked.index], score=ranked.score) for ranked in ranking]
