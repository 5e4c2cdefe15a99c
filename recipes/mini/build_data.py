"""Build the training data of `secondpass/mini` from a folder of openly licensed corpora.

Every query gets a list of eight passages of its own corpus: BM25's and the bi-encoder's best, some further down, and a
random one. A teacher scores them: 20 x cosine of all-MiniLM-L6-v2 (20 is that model's own training scale) plus a share
of the BM25 score. Where a passage is labelled as the answer, the second stage lifts its score above the others.

    python build_data.py DATA ENCODER OUT

DATA holds one folder per corpus (see README.md), ENCODER is the folder of all-MiniLM-L6-v2, OUT receives one file per
corpus in `distil/`, `labels/` and `heldout/`.
"""

import argparse
import json
import logging
from collections.abc import Set as AbstractSet
from pathlib import Path

import numpy as np
from corpora import DOMAINS, Domain, Query
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from teacher import BM25_WEIGHT, Candidates, DomainPool, fuse, measure

SEED = 13
# Passages per list.
LIST_SIZE = 8
# Queries of each corpus that are held out, and how many of BM25's passages they are re-ranked with.
HELD_OUT_QUERIES, HELD_OUT_DEPTH = 60, 30
# A labelled passage is scored at least this far above the best unlabelled one: its odds are then about 20 to 1.
GOLD_MARGIN = 3.0

_log = logging.getLogger("build_data")


def sample(
    candidates: Candidates,
    gold: int | None,
    pool_size: int,
    rng: np.random.Generator,
    skip: AbstractSet[int] = frozenset(),
) -> list[int]:
    """Draw eight passages: the labelled one if there is one, both retrievers' best, BM25's tail, a random one."""
    lexical, dense = candidates.lexical, candidates.dense
    draws = [
        rng.permutation(lexical[:5])[:1],
        rng.permutation(lexical[5:30])[:2],
        rng.permutation(lexical[30:100])[:1],
        rng.permutation(dense[:4])[:1],
        rng.permutation(dense[4:30])[:1],
        rng.integers(0, pool_size, 1),
        rng.permutation(lexical),
        rng.permutation(pool_size)[:LIST_SIZE],
    ]
    chosen = [] if gold is None else [gold]
    for index in np.concatenate(draws).tolist():
        if index not in chosen and index not in skip:
            chosen.append(int(index))
        if len(chosen) == LIST_SIZE:
            break
    return chosen


def record(query: Query, pool: DomainPool, chosen: list[int], scores: NDArray[np.float64]) -> dict[str, object]:
    """One line of training data: documents in a random order carry no hint, so they stay as they were chosen."""
    return {
        "query": query.text,
        "documents": [pool.text(index, titled=query.titled) for index in chosen],
        "scores": [round(float(score), 3) for score in scores],
        "domain": pool.name,
    }


def lift(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """The scores with the first one, the labelled passage's, at least `GOLD_MARGIN` above all others."""
    result = scores.copy()
    result[0] = max(result[0], result[1:].max() + GOLD_MARGIN)
    return result


def held_out(query: Query, pool: DomainPool, candidates: Candidates, gold: int) -> dict[str, object]:
    """A query of the held-out set: its answer, and BM25's best passages of other sources."""
    siblings = pool.siblings(query)
    others = [int(index) for index in candidates.lexical[:HELD_OUT_DEPTH] if index not in siblings]
    return {
        "query": query.text,
        "positive": [pool.text(gold, titled=query.titled)],
        "negative": [pool.text(index, titled=query.titled) for index in others],
    }


def build(domain: Domain, encoder: SentenceTransformer, rng: np.random.Generator) -> dict[str, list[dict[str, object]]]:
    """All three parts of one domain."""
    pool = DomainPool.build(domain, encoder, rng)
    queries = domain.queries
    searched = pool.search([query.text for query in queries])
    golds = [pool.gold(query, candidates) for query, candidates in zip(queries, searched, strict=True)]
    labelled = [i for i, gold in enumerate(golds) if gold is not None and queries[i].kind == "question"]
    reserved = rng.permutation(labelled)[: HELD_OUT_QUERIES if domain.held_out else 0].tolist()
    reserved_sources = {queries[i].gold for i in reserved}
    _log.info("%s: %d passages, %d queries; %s", pool.name, len(pool.texts), len(queries), measure(searched, golds))
    parts: dict[str, list[dict[str, object]]] = {"distil": [], "labels": [], "heldout": []}
    for i, (query, candidates, gold) in enumerate(zip(queries, searched, golds, strict=True)):
        if i in reserved and gold is not None:
            parts["heldout"].append(held_out(query, pool, candidates, gold))
        if query.gold in reserved_sources:
            continue
        for _ in range(query.repeats):
            chosen = sample(candidates, gold, len(pool.texts), rng)
            parts["distil"].append(record(query, pool, chosen, fuse(candidates, chosen)))
        if gold is not None and query.labelled:
            siblings = pool.siblings(query)
            for _ in range(query.repeats):
                chosen = sample(candidates, gold, len(pool.texts), rng, skip=siblings)
                parts["labels"].append(record(query, pool, chosen, lift(fuse(candidates, chosen))))
    return parts


def write(path: Path, lines: list[dict[str, object]]) -> None:
    """Write JSON lines, the whole file or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")  # no name that a run reads
    partial.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    partial.replace(path)


def main() -> None:
    """Read the arguments, build and write every domain."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("encoder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", nargs="*", choices=sorted(DOMAINS), default=sorted(DOMAINS), help="these domains")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    encoder = SentenceTransformer(str(arguments.encoder), device="cpu")
    encoder.max_seq_length = 128  # what it was trained with
    for name in arguments.only:
        rng = np.random.default_rng(SEED)  # seeded for each, so that a domain is the same when it is built alone
        domain = DOMAINS[name](arguments.data, rng)
        for part, lines in build(domain, encoder, rng).items():
            write(arguments.out / part / f"{name}.jsonl", lines)
            _log.info("%s, %s: %d lines (BM25 weight %s)", name, part, len(lines), BM25_WEIGHT)


if __name__ == "__main__":
    main()
