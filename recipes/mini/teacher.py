"""The teacher: a bi-encoder's cosine and BM25, fused."""

from dataclasses import dataclass

import bm25s
import numpy as np
import Stemmer
from corpora import Domain, Query
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer

# The scale of cosines that all-MiniLM-L6-v2 was trained with.
COSINE_SCALE = 20.0
# How much the best BM25 score of a query adds, in units of the scaled cosine; `measure` compares other weights.
BM25_WEIGHT = 5.0

# How many passages BM25 and the bi-encoder each retrieve.
_LEXICAL_DEPTH, _DENSE_DEPTH = 100, 30


@dataclass(frozen=True, slots=True)
class Candidates:
    """What two retrievers give for one query.

    Args:
        lexical: Indices of BM25's best passages, best first.
        dense: Indices of the bi-encoder's best passages, best first.
        cosines: The cosine of every passage. Shape: (n_passages,).
        bm25: The BM25 score of every passage. Shape: (n_passages,).
    """

    lexical: NDArray[np.int64]
    dense: NDArray[np.int64]
    cosines: NDArray[np.float32]
    bm25: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class DomainPool:
    """A domain's passages, indexed by BM25 and by a bi-encoder."""

    name: str
    texts: list[str]
    titles: list[str]
    sources: dict[str, list[int]]
    embeddings: NDArray[np.float32]
    index: bm25s.BM25
    encoder: SentenceTransformer

    @classmethod
    def build(cls, domain: Domain, encoder: SentenceTransformer, rng: np.random.Generator) -> "DomainPool":
        """Index the passages; half of those with a title show it."""
        with_title = rng.random(len(domain.passages)) < 0.5  # noqa: PLR2004 - half
        titles = [p.title if show and p.title else "" for p, show in zip(domain.passages, with_title, strict=True)]
        texts = [passage.text for passage in domain.passages]
        sources: dict[str, list[int]] = {}
        for index, passage in enumerate(domain.passages):
            sources.setdefault(passage.source, []).append(index)
        index = bm25s.BM25(method="lucene", k1=0.9, b=0.4)
        index.index(_tokenize(texts), show_progress=False)
        return cls(domain.name, texts, titles, sources, _embed(encoder, texts), index, encoder)

    def text(self, index: int, *, titled: bool) -> str:
        """A passage as the model reads it."""
        title = self.titles[index] if titled else ""
        return f"{title}. {self.texts[index]}" if title else self.texts[index]

    def gold(self, query: Query, candidates: Candidates) -> int | None:
        """The passage that answers a query, if its source is known: of those with an answer, the teacher's best."""
        if query.gold is None or query.gold not in self.sources:
            return None
        passages = self.sources[query.gold]
        answering = [i for i in passages if any(answer.lower() in self.texts[i].lower() for answer in query.answers)]
        possible = answering or passages
        return possible[int(np.argmax(fuse(candidates, possible)))]

    def siblings(self, query: Query) -> set[int]:
        """All passages of the source that answers a query."""
        return set(self.sources.get(query.gold or "", ()))

    def search(self, queries: list[str]) -> list[Candidates]:
        """Both retrievers' best passages for each query."""
        searched = []
        for query, vector in zip(queries, _embed(self.encoder, queries), strict=True):
            tokens = _tokenize([query])[0]
            scores = np.asarray(self.index.get_scores(tokens), np.float32) if tokens else np.zeros(len(self.texts))
            lexical = np.argsort(-scores, kind="stable")[:_LEXICAL_DEPTH]
            cosines = self.embeddings @ vector
            dense = np.argsort(-cosines, kind="stable")[:_DENSE_DEPTH]
            searched.append(Candidates(lexical, dense, cosines.astype(np.float16), scores.astype(np.float16)))
        return searched


def fuse(candidates: Candidates, passages: list[int], weight: float = BM25_WEIGHT) -> NDArray[np.float64]:
    """The teacher's scores of these passages, unbounded."""
    best = max(float(candidates.bm25.max()), 1e-6)
    cosines = candidates.cosines[passages].astype(np.float64)
    return COSINE_SCALE * cosines + weight * candidates.bm25[passages].astype(np.float64) / best


def measure(searched: list[Candidates], golds: list[int | None]) -> str:
    """Mean reciprocal rank of the labelled passages among BM25's, for several weights: how the weight was chosen."""
    figures = []
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
        figures.append(f"{weight:g}: {np.mean(ranks):.3f}" if ranks else "-")
    return "RR by BM25 weight " + ", ".join(figures)


def _tokenize(texts: list[str]) -> list[list[str]]:
    stemmer = Stemmer.Stemmer("english")
    tokens: list[list[str]] = bm25s.tokenize(
        texts, stopwords="en", stemmer=stemmer, return_ids=False, show_progress=False
    )
    return tokens


def _embed(encoder: SentenceTransformer, texts: list[str]) -> NDArray[np.float32]:
    tensor = encoder.encode(texts, batch_size=64, normalize_embeddings=True, convert_to_tensor=True)
    return tensor.float().numpy()
