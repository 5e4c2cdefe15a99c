"""A scorer for tests: no model, no download, the same scores everywhere."""

import re
from collections.abc import Sequence

from secondpass.ranking.checks import check_documents, check_query

_WORD = re.compile(r"\w+")


class OverlapScorer:
    """Scores a document by the share of the query's distinct words it holds, from 0.0 to 1.0.

    Words are compared without case. Deterministic, stateless but for `calls`, and safe to share between threads, so
    it stands in for a model wherever a `Scorer` is accepted.

    Attributes:
        calls: The (query, documents) of every call so far, oldest first.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[str, ...]]] = []

    def score(self, query: str, documents: Sequence[str]) -> list[float]:
        """The share of query words in each document.

        Raises:
            InputTypeError: As `CrossEncoder.score` would, so that a test finds the same mistakes.
        """
        check_query(query)
        texts = check_documents(documents)
        self.calls.append((query, tuple(texts)))
        wanted = set(_WORD.findall(query.casefold()))
        if not wanted:
            return [0.0] * len(texts)
        return [len(wanted & set(_WORD.findall(text.casefold()))) / len(wanted) for text in texts]
