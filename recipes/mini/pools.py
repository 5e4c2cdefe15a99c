"""Passages that are searched together, and what the second edition's teacher gives them.

The teacher adds 20 x the cosine of all-MiniLM-L6-v2, a share of the dot product of SPLADE-tiny, and 5 x BM25 over the
query's best BM25. It reads what the student reads.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import bm25s
import numpy as np
import Stemmer
from corpora import Domain, Query
from encode import Encoded, Encoders
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from teacher import BM25_WEIGHT, COSINE_SCALE

# Which domains are searched together, and the weight of SPLADE there: it learned from web questions.
POOLS: Mapping[str, tuple[tuple[str, ...], float]] = {
    "wikipedia": (("web", "squad"), 0.6),
    "software": (("software",), 0.5),
    "papers": (("science",), 0.25),
    "medicine": (("claims", "covid", "medical"), 0.25),
}
# The domains whose passages begin with their titles.
TITLED = frozenset({"claims"})
# Passages that each first stage gives.
DEPTH = 100


@dataclass(frozen=True, slots=True)
class Found:
    """A pool's passages for one query.

    Args:
        lexical: Indices of BM25's best `DEPTH` passages, best first.
        dense: Indices of the bi-encoder's best `DEPTH` passages, best first.
        teacher: The teacher's score of every passage, unbounded. Shape: (n_passages,).
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
        sparse_weight: The weight of SPLADE in the teacher's score.
        index: BM25's index.
    """

    texts: list[str]
    sources: dict[str, list[int]]
    encoded: Encoded
    sparse_weight: float
    index: bm25s.BM25

    @classmethod
    def build(cls, domains: Sequence[Domain], encoders: Encoders, sparse_weight: float) -> "Pool":
        """Index and encode the passages.

        Raises:
            ValueError: Two domains have a document of the same name.
        """
        texts: list[str] = []
        sources: dict[str, list[int]] = {}
        parts = []
        for domain in domains:
            titled = domain.name in TITLED
            own = [f"{p.title}. {p.text}" if titled and p.title else p.text for p in domain.passages]
            shared = sources.keys() & {passage.source for passage in domain.passages}
            if shared:
                raise ValueError(f"documents must be of one domain, {min(shared)!r} is of two")
            for index, passage in enumerate(domain.passages, len(texts)):
                sources.setdefault(passage.source, []).append(index)
            texts += own
            parts.append(encoders.encode(own))
        index = bm25s.BM25(method="lucene", k1=0.9, b=0.4)
        index.index(_terms(texts), show_progress=False)
        return cls(texts, sources, Encoded.join(parts), sparse_weight, index)

    def search(self, query: str, dense: NDArray[np.float32], sparse: csr_matrix) -> Found:
        """What both first stages find for a query, and what the teacher thinks of it.

        Args:
            query: Its text.
            dense: Its embedding. Shape: (hidden,).
            sparse: The weights of its terms. Shape: (1, vocabulary).
        """
        cosines = self.encoded.dense @ dense
        products = self.encoded.sparse @ sparse.toarray()[0]
        terms = _terms([query])[0]
        bm25 = np.asarray(self.index.get_scores(terms), np.float32) if terms else np.zeros(len(self.texts), np.float32)
        shares = bm25 / max(float(bm25.max()), 1e-6)
        return Found(
            lexical=_best(bm25),
            dense=_best(cosines),
            teacher=COSINE_SCALE * cosines + self.sparse_weight * products + BM25_WEIGHT * shares,
        )

    def siblings(self, query: Query) -> list[int]:
        """All passages of the document that answers a query; none where that is not known."""
        return self.sources.get(query.gold or "", [])

    def gold(self, query: Query, found: Found) -> int | None:
        """The passage that answers a query: of those that hold an answer, or else of all of its document, the best."""
        passages = self.siblings(query)
        answering = [i for i in passages if any(answer.lower() in self.texts[i].lower() for answer in query.answers)]
        return max(answering or passages, key=lambda index: float(found.teacher[index]), default=None)


def _best(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    return np.argsort(-scores, kind="stable")[:DEPTH]


def _terms(texts: list[str]) -> list[list[str]]:
    stemmer = Stemmer.Stemmer("english")
    terms: list[list[str]] = bm25s.tokenize(
        texts, stopwords="en", stemmer=stemmer, return_ids=False, show_progress=False
    )
    return terms
