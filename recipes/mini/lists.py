"""Lists of passages to learn from, drawn anew for every step, and those that a model is judged by."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from build_lists import DRAWN, HELD_OUT_DEPTH, LABELLED, MARGIN
from gather import PLANS, Gathered
from numpy.typing import NDArray
from packed_network import NONE
from pools import DEPTH
from search import Candidates


@dataclass(frozen=True, slots=True)
class Lists:
    """Lists by the places of their texts.

    Args:
        queries: Shape: (n_lists,).
        passages: `NONE` where a list has fewer than others. Shape: (n_lists, n_passages).
        scores: The teacher's, or 1 for a known answer and 0 for others. Shape: as passages.
    """

    queries: NDArray[np.int64]
    passages: NDArray[np.int64]
    scores: NDArray[np.float32]


def turns(gathered: Gathered, n_lists: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """The queries of each step: domains by their shares, all queries of one before any of it comes again."""
    shares = np.array([PLANS[name].share for name in gathered.names])
    known = [np.flatnonzero((gathered.domains == domain) & ~gathered.held_out) for domain in range(len(shares))]
    shares = shares * [len(each) > 0 for each in known]
    waiting: list[list[int]] = [[] for _ in known]
    while True:
        chosen = []
        for domain in rng.choice(len(shares), n_lists, p=shares / shares.sum()).tolist():
            if not waiting[domain]:
                waiting[domain] = rng.permutation(known[domain]).tolist()
            chosen.append(waiting[domain].pop())
        yield np.array(chosen)


def draw(gathered: Gathered, candidates: Candidates, queries: NDArray[np.int64], rng: np.random.Generator) -> Lists:
    """Sixteen passages for each query that first stages really found, as `build_lists.py` draws them.

    A known answer, in half of the lists, is lifted above the others, and the other passages of its document left out.
    """
    passages, scores = candidates.passages[queries].astype(np.int64), candidates.scores[queries].copy()
    lexical, dense = passages[:, :DEPTH], passages[:, DEPTH:]
    same = lexical[:, :, None] == dense[:, None, :]
    answers = candidates.answers[queries]
    lifted = (answers != NONE) & (rng.random(len(queries)) < LABELLED)
    free = np.concatenate([np.ones_like(lexical, np.bool_), ~same.any(axis=1)], axis=1)
    for row in np.flatnonzero(lifted):
        free[row] &= ~np.isin(passages[row], gathered.siblings[int(queries[row])])
    ranks = np.argsort(np.argsort(-scores[:, :DEPTH], axis=1), axis=1)
    places = np.arange(DEPTH)[None].repeat(len(queries), axis=0)
    within = {
        "lexical": lambda depth: (places < depth, np.zeros_like(same[:, 0])),
        "reranked": lambda depth: (ranks < depth, np.zeros_like(same[:, 0])),
        "dense": lambda depth: (same[:, :, :depth].any(axis=2), places < depth),
    }
    chosen: list[NDArray[np.int64]] = []
    for name, depth, count in DRAWN:
        keys = np.where(free & np.concatenate(within[name](depth), axis=1), rng.random(free.shape), np.inf)
        drawn = np.argpartition(keys, count, axis=1)[:, :count]
        chosen.append(np.where(np.isfinite(np.take_along_axis(keys, drawn, axis=1)), drawn, NONE))
        np.put_along_axis(free, drawn, values=False, axis=1)
    columns = np.concatenate(chosen, axis=1)
    there = columns != NONE
    passages = np.where(there, np.take_along_axis(passages, columns, axis=1), NONE)
    scores = np.where(there, np.take_along_axis(scores, columns, axis=1), -np.inf)
    scores[lifted, -1] = np.maximum(candidates.answer_scores[queries], scores[:, :-1].max(axis=1) + MARGIN)[lifted]
    passages[lifted, -1] = answers[lifted]
    return Lists(queries, passages, np.where(passages != NONE, scores, 0.0).astype(np.float32))


def held_out(gathered: Gathered, candidates: Candidates, domain: int) -> tuple[Lists, Lists]:
    """BM25's best fifty for the held-out questions of a domain: with the teacher's scores, and with the known answer.

    The latter without the other passages of the answer's document.
    """
    queries = np.flatnonzero((gathered.domains == domain) & gathered.held_out)
    best = candidates.passages[queries, :HELD_OUT_DEPTH].astype(np.int64)
    others = best.copy()
    for row, query in enumerate(queries):
        others[row, np.isin(best[row], gathered.siblings[int(query)])] = NONE
    known = np.concatenate([candidates.answers[queries, None], others], axis=1)
    return (
        Lists(queries, best, candidates.scores[queries, :HELD_OUT_DEPTH]),
        Lists(queries, known, (np.arange(known.shape[1]) == 0)[None].repeat(len(queries), axis=0).astype(np.float32)),
    )
