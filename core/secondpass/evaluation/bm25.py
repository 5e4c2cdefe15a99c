"""BM25: the first stage where no run is given, and the source of hard negatives."""

from collections.abc import Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from secondpass.errors import InputError
from secondpass.extras import require

# Anserini's settings for passages, the usual baseline.
K1, B = 0.9, 0.4


class BM25:
    """An index over documents: English stop words out, Snowball-stemmed, Lucene's formula (by bm25s).

    Args:
        documents: Texts by id; at least one.
        k1: How slowly repeated words saturate, at least 0.0.
        b: How much long documents are penalized, from 0.0 to 1.0.
    """

    def __init__(self, documents: Mapping[str, str], *, k1: float = K1, b: float = B) -> None:
        require("bm25s", "Stemmer", feature="a BM25 first stage", extra="eval")
        import bm25s  # noqa: PLC0415 - of an extra
        import Stemmer  # noqa: PLC0415 - of an extra

        self._ids, texts = [], []
        for key, text in documents.items():  # one look at a corpus that is read anew each time
            self._ids.append(key)
            texts.append(text)
        if not texts:
            raise InputError("documents must hold at least one document, got none")
        self._tokenize = partial(
            bm25s.tokenize, stopwords="en", stemmer=Stemmer.Stemmer("english"), show_progress=False
        )
        self._index = bm25s.BM25(method="lucene", k1=k1, b=b)
        words = self._tokenize(texts)
        if not any(words.ids):
            raise InputError(f"documents must hold at least one word to search for, got none in {len(texts)}")
        self._index.index(words, show_progress=False)

    def search(self, query: str, depth: int = 100) -> dict[str, float]:
        """The best documents' scores by id, best first; ties keep the documents' order.

        Documents without any word of the query are left out.

        Args:
            query: The query's text.
            depth: How many documents at most, at least 1.
        """
        if depth < 1:
            raise InputError(f"depth must be at least 1, got {depth}")
        words = self._tokenize([query], return_ids=False)[0]
        scores: NDArray[np.float32] = self._index.get_scores(words) if words else np.zeros(len(self._ids), np.float32)
        order = np.argsort(-scores, kind="stable")[:depth]
        return {self._ids[i]: float(scores[i]) for i in order.tolist() if scores[i] > 0}

    def run(self, queries: Mapping[str, str], depth: int = 100) -> dict[str, dict[str, float]]:
        """The search of every query, by query id."""
        return {query: self.search(text, depth) for query, text in queries.items()}
