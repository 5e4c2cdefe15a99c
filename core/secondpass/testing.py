"""A scorer for tests: no model, no download, the same scores everywhere."""

import re
from collections.abc import Sequence

from secondpass.ranking.request_checks import check_documents, check_query

_WORD = re.compile(r"\w+")


class OverlapScorer:
    """Scores a document by the share of the query's distinct words it holds, from 0.0 to 1.0.

    Words are compared without case. The scores are deterministic, and a scorer may be shared between threads, so it
    stands in for a model wherever a `Scorer` is accepted.

    Attributes:
        calls: The (query, documents) of every call so far, oldest first.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[str, ...]]] = []

    def score(self, query: str, documents: Sequence[str]) -> list[float]:
        """Score each document by its share of the query's words.

        Raises:
            InputTypeError: As `CrossEncoder.score` would, so that a test finds the same mistakes.
        """
        check_query(query)
        texts = check_documents(documents)
        self.calls.append((query, tuple(texts)))
        query_words = set(_WORD.findall(query.casefold()))
        if not query_words:
            return [0.0] * len(texts)
        return [len(query_words & set(_WORD.findall(text.casefold()))) / len(query_words) for text in texts]
