"""Scorers for tests that need certain numbers or certain behaviour."""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from secondpass import Passage, RankedDocument
from secondpass.errors import RemoteError


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


class Meeting:
    """Gives no score before so many processes have begun to score, and fails where they do not come.

    Args:
        folder: Where each of them leaves its number.
        n_processes: How many have to come.
    """

    def __init__(self, folder: Path, n_processes: int) -> None:
        self._folder = folder
        self._n_processes = n_processes

    def score(self, query: str, documents: Sequence[str]) -> list[float]:
        (self._folder / str(os.getpid())).touch()
        deadline = time.monotonic() + 120
        while len(list(self._folder.iterdir())) < self._n_processes:
            if time.monotonic() > deadline:
                raise RemoteError(f"{self._n_processes} processes must score, fewer came", status=503)
            time.sleep(0.02)
        return [true_score(query, text) for text in documents]
