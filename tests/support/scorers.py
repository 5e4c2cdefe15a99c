"""Scorers for tests that need certain numbers or certain behaviour."""

from collections.abc import Sequence


class Fixed:
    """Gives these scores, whatever it is asked."""

    def __init__(self, scores: Sequence[float]) -> None:
        self.scores = scores

    def score(self, query: str, documents: Sequence[str]) -> Sequence[float]:  # noqa: ARG002 - a Scorer
        return self.scores
