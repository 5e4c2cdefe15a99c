"""Scorers for tests that need certain numbers or certain behaviour."""

from collections.abc import Callable, Sequence
from typing import Any

from secondpass import Passage, RankedDocument


class Fixed:
    """Gives these scores, whatever it is asked."""

    def __init__(self, scores: Sequence[float]) -> None:
        self.scores = scores

    def score(self, query: str, documents: Sequence[str]) -> Sequence[float]:  # noqa: ARG002 - a Scorer
        return self.scores


def true_score(query: str, document: str) -> float:
    """What `Scores` gives: a number that tells a pair from others that end in other letters."""
    return float(int.from_bytes(f"{query}|{document}".encode()[-6:], "big"))


class Scores:
    """Gives every pair its `true_score`, in any form, and remembers what it was asked for."""

    def __init__(self, give: Callable[[list[float]], Any] = list) -> None:
        self.give = give
        self.asked: list[tuple[str, str]] = []

    def fingerprint(self) -> str:
        return "scores"

    def score(self, query: str, documents: Sequence[str]) -> Any:
        self.asked += [(query, text) for text in documents]
        return self.give([true_score(query, text) for text in documents])


class Passages:
    """Ranks as given, and says that it read these parts of the documents best."""

    def __init__(self, passages: Sequence[Passage | None], scores: Sequence[float] | None = None) -> None:
        self.passages = passages
        self.scores = [float(-i) for i in range(len(passages))] if scores is None else scores
        self.asked: list[str] = []

    def score(self, query: str, documents: Sequence[str]) -> Sequence[float]:  # noqa: ARG002 - a Scorer
        return self.scores[: len(documents)]

    def rank(self, query: str, documents: Sequence[str]) -> list[RankedDocument]:  # noqa: ARG002 - a RankingScorer
        self.asked += documents
        return [
            RankedDocument(i, score, text, passage, truncated=False)
            for i, (score, text, passage) in enumerate(zip(self.scores, documents, self.passages, strict=True))
        ]
