"""The teacher: a bi-encoder's cosine and BM25, fused."""

from dataclasses import dataclass

import bm25s
import numpy as np
import Stemmer
from corpora import Domain, Query
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer

COSINE_SCALE = 20.0
BM25_WEIGHT = 5.0
"""How much the best BM25 score of a query adds, in units of the scaled cosine; `measure` shows the alternatives."""

_DEPTH = 100
_DENSE_DEPTH = 30


@dataclass(frozen=True, slots=True)
class Candidates:
    """What two retrievers found for one query: passage indices, best first, and every passage's teacher parts."""

    lexical: NDArray[np.int64]
    dense: NDArray[np.int64]
    cosines: NDArray[np.float32]
    bm25: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Pool:
    """A domain's passages, indexed twice."""

    name: str
    texts: list[str]
    titles: list[str]
    sources: dict[str, list[int]]
    embeddings: NDArray[np.float32]
    index: bm25s.BM25
    encoder: SentenceTransformer

    @classmethod
    def build(cls, domain: Domain, encoder: SentenceTransformer, rng: np.random.Generator) -> "Pool":
        """Index the passages; half of those with a title show it."""
        shown = rng.random(len(domain.passages)) < 0.5  # noqa: PLR2004 - half
        titles = [p.title if show and p.title else "" for p, show in zip(domain.passages, shown, strict=True)]
        texts = [passage.text for passage in domain.passages]
        sources: dict[str, list[int]] = {}
        for index, passage in enumerate(domain.passages):
            sources.setdefault(passage.source, []).append(index)
        index = bm25s.BM25(method="lucene", k1=0.9, b=0.4)
        index.index(_tokens(texts), show_progress=False)
        return cls(domain.name, texts, titles, sources, _embedded(encoder, texts), index, encoder)

    def text(self, index: int, *, titled: bool) -> str:
        """A passage as the model reads it."""
        title = self.titles[index] if titled else ""
        return f"{title}. {self.texts[index]}" if title else self.texts[index]

    def gold(self, query: Query, candidates: Candidates) -> int | None:
        """The passage that answers a query, if its source is known: of those with an answer, the teacher's best."""
        if query.gold is None or query.gold not in self.sources:
            return None
        cut = self.sources[query.gold]
        holding = [i for i in cut if any(answer.lower() in self.texts[i].lower() for answer in query.answers)]
        fitting = holding or cut
        return fitting[int(np.argmax(fused(candidates, fitting)))]

    def siblings(self, query: Query) -> set[int]:
        """All passages of the source that answers a query."""
        return set(self.sources.get(query.gold or "", ()))

    def search(self, queries: list[str]) -> list[Candidates]:
        """Both retrievers' heads for each query."""
        embedded = _embedded(self.encoder, queries)
        found = []
        for query, vector in zip(queries, embedded, strict=True):
            tokens = _tokens([query])[0]
            scores = np.asarray(self.index.get_scores(tokens), np.float32) if tokens else np.zeros(len(self.texts))
            lexical = np.argsort(-scores, kind="stable")[:_DEPTH]
            cosines = self.embeddings @ vector
            dense = np.argsort(-cosines, kind="stable")[:_DENSE_DEPTH]
            found.append(Candidates(lexical, dense, cosines.astype(np.float16), scores.astype(np.float16)))
        return found


def fused(candidates: Candidates, chosen: list[int], weight: float = BM25_WEIGHT) -> NDArray[np.float64]:
    """The teacher's scores, unbounded."""
    best = max(float(candidates.bm25.max()), 1e-6)
    cosines = candidates.cosines[chosen].astype(np.float64)
    return COSINE_SCALE * cosines + weight * candidates.bm25[chosen].astype(np.float64) / best


def measure(searched: list[Candidates], golds: list[int | None]) -> str:
    """Mean reciprocal rank of the labelled passages among BM25's, for several weights: how the weight was chosen."""
    shown = []
    for weight in (0.0, 1.0, 2.0, 3.0, 5.0, 8.0, 1000.0):
        ranks = []
        for candidates, gold in list(zip(searched, golds, strict=True))[:1500]:
            if gold is None or gold not in candidates.lexical:
                continue
            best = max(float(candidates.bm25.max()), 1e-6)
            scores = COSINE_SCALE * candidates.cosines[candidates.lexical].astype(np.float64)
            scores += weight * candidates.bm25[candidates.lexical].astype(np.float64) / best
            own = scores[list(candidates.lexical).index(gold)]
            ranks.append(1 / (1 + int((scores > own).sum())))
        shown.append(f"{weight:g}: {np.mean(ranks):.3f}" if ranks else "-")
    return "RR by BM25 weight " + ", ".join(shown)


def _tokens(texts: list[str]) -> list[list[str]]:
    stemmer = Stemmer.Stemmer("english")
    tokens: list[list[str]] = bm25s.tokenize(
        texts, stopwords="en", stemmer=stemmer, return_ids=False, show_progress=False
    )
    return tokens


def _embedded(encoder: SentenceTransformer, texts: list[str]) -> NDArray[np.float32]:
    tensor = encoder.encode(texts, batch_size=64, normalize_embeddings=True, convert_to_tensor=True)
    return tensor.float().numpy()
