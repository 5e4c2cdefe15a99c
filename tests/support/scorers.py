"""Scorers for tests that need certain numbers or certain behaviour."""

from collections.abc import Callable, Sequence
from typing import Any


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
