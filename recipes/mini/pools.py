"""The passages of all domains, which are searched together, and what the second edition's teacher gives them.

The teacher adds 20 x the cosine of all-MiniLM-L6-v2, a share of the dot product of SPLADE-tiny, and 5 x BM25 over the
query's best BM25. It reads what the student reads.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import bm25s
import numpy as np
import Stemmer
from corpora import Domain, Query
from encode import Encoded, Encoders
from numpy.typing import NDArray
from teacher import BM25_WEIGHT, COSINE_SCALE

# The domains whose passages begin with their titles.
TITLED = frozenset({"claims"})
# Passages that each first stage gives.
DEPTH = 100
# Queries whose cosines are computed at a time: 60,000 passages times this many take 60 MB.
QUERIES_AT_A_TIME = 256


@dataclass(frozen=True, slots=True)
class Found:
    """Passages for one query.

    Args:
        lexical: Indices of BM25's best `DEPTH` passages, best first.
        dense: Indices of the bi-encoder's best `DEPTH` passages, best first.
        teacher: The teacher's score, unbounded, of each of these and of all passages of the query's document; NaN for
            every other. Shape: (n_passages,).
    """

    lexical: NDArray[np.int64]
    dense: NDArray[np.int64]
    teacher: NDArray[np.float32]

    @property
    def reranked(self) -> NDArray[np.int64]:
        """BM25's best passages, the teacher's best first."""
        return self.lexical[np.argsort(-self.teacher[self.lexical], kind="stable")]


@dataclass(frozen=True, slots=True)
class Pool:
    """Passages of one or more domains, indexed for BM25 and encoded.

    Args:
        texts: The passages as they are read.
        sources: The indices of each document's passages.
        encoded: The passages.
        index: BM25's index.
    """

    texts: list[str]
    sources: dict[str, list[int]]
    encoded: Encoded
    index: bm25s.BM25

    @classmethod
    def build(cls, domains: Sequence[Domain], encoders: Encoders) -> "Pool":
        """Index and encode the passages; a passage that is there already is not added again."""
        places: dict[str, int] = {}
        sources: dict[str, list[int]] = {}
        parts = []
        for domain in domains:
            titled = domain.name in TITLED
            new = []
            for passage in domain.passages:
                text = f"{passage.title}. {passage.text}" if titled and passage.title else passage.text
                if text not in places:
                    places[text] = len(places)
                    new.append(text)
                own = sources.setdefault(passage.source, [])
                if places[text] not in own:
                    own.append(places[text])
            parts.append(encoders.encode(new))
        index = bm25s.BM25(method="lucene", k1=0.9, b=0.4)
        index.index(_terms(list(places)), show_progress=False)
        return cls(list(places), sources, Encoded.join(parts), index)

    def search(self, queries: list[Query], encoded: Encoded, sparse_weight: float) -> Iterator[Found]:
        """What both first stages find for each query, and what the teacher thinks of it.

        Args:
            queries: The queries.
            encoded: They, encoded.
            sparse_weight: The weight of SPLADE in the teacher's score.
        """
        terms = _terms([query.text for query in queries])
        for first in range(0, len(queries), QUERIES_AT_A_TIME):
            rows = range(first, min(first + QUERIES_AT_A_TIME, len(queries)))
            for row, cosines in zip(rows, encoded.dense[rows] @ self.encoded.dense.T, strict=True):
                bm25 = np.zeros(len(self.texts), np.float32)
                if terms[row]:
                    bm25 += self.index.get_scores(terms[row])
                lexical, dense = _best(bm25), _best(cosines)
                candidates = np.unique(
                    np.concatenate([lexical, dense, np.array(self.siblings(queries[row]), np.int64)])
                )
                teacher = np.full(len(self.texts), np.nan, np.float32)
                teacher[candidates] = (
                    COSINE_SCALE * cosines[candidates]
                    + sparse_weight * (self.encoded.sparse[candidates] @ encoded.sparse[row].toarray()[0])
                    + BM25_WEIGHT * bm25[candidates] / max(float(bm25.max()), 1e-6)
                )
                yield Found(lexical, dense, teacher)

    def siblings(self, query: Query) -> list[int]:
        """All passages of the document that answers a query; none where that is not known."""
        return self.sources.get(query.gold or "", [])

    def gold(self, query: Query, found: Found) -> int | None:
        """The passage that answers a query: of those that hold an answer, or else of all of its document, the best."""
        passages = self.siblings(query)
        answering = [i for i in passages if any(answer.lower() in self.texts[i].lower() for answer in query.answers)]
        return max(answering or passages, key=lambda index: float(found.teacher[index]), default=None)


def _best(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    depth = min(DEPTH, len(scores))
    best = np.argpartition(-scores, depth - 1)[:depth]
    return best[np.lexsort((best, -scores[best]))]


def _terms(texts: list[str]) -> list[list[str]]:
    stemmer = Stemmer.Stemmer("english")
    terms: list[list[str]] = bm25s.tokenize(
        texts, stopwords="en", stemmer=stemmer, return_ids=False, show_progress=False
    )
    return terms
