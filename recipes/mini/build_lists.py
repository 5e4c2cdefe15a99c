"""Build the lists that the second edition of `secondpass/mini` learns from: real candidates, scored by the teacher.

    python build_lists.py DATA ENCODER SPLADE OUT

Every list has eight passages that a first stage really found: BM25's best hundred, in its order or in the teacher's, or
the bi-encoder's; four of the first eight, three down to 25, one of the rest. OUT receives, one file per domain:

- `lists/`: what is learned from. Half of the lists of questions with a known answer hold it, lifted above the others.
- `agreement/`: for held-out questions, BM25's best fifty with the teacher's scores.
- `answers/`: the same fifty with the known answer, and without the other passages of its document.
- `cache/`: what the encoders made of all texts, so that a second run takes minutes.

The questions held out are those that `build_data.py` holds out.
"""

import argparse
import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
from build_data import HELD_OUT_QUERIES, SEED, write
from corpora import DOMAINS, Domain, Query
from encode import Encoders
from pools import POOLS, Found, Pool

# Lists of each domain.
N_LISTS: Mapping[str, int] = {
    "web": 4000,
    "squad": 3000,
    "software": 1000,
    "science": 1600,
    "medical": 800,
    "covid": 800,
    "claims": 600,
}
# Passages of a domain, at most, where encoding all would take long and teach little more.
MOST_PASSAGES: Mapping[str, int] = {"medical": 3500, "science": 4000}
# Passages of a list: how many of the ranks up to which. Pools are small, so that lower ranks are soon easy.
STRATA = ((8, 4), (25, 3), (100, 1))
# How often BM25's order, the teacher's order of the same passages, and the bi-encoder's own are drawn from.
ORDERS = (("lexical", 0.5), ("reranked", 0.25), ("dense", 0.25))
# A question is drawn this many times as often as a keyword query, a title or a sentence.
QUESTIONS = 2.0
# Brings the teacher's scores to the spread of the student's.
SPREAD = 0.59
# A known answer is scored at least this far above the best other passage of its list, in the student's units.
MARGIN = 1.5
# The share of questions with a known answer whose list holds it.
LABELLED = 0.5
# BM25's passages for a held-out question.
HELD_OUT_DEPTH = 50

Record: TypeAlias = dict[str, object]

_log = logging.getLogger("build_lists")


def draw(found: Found, rng: np.random.Generator, leave_out: list[int]) -> list[int]:
    """Eight passages of one first stage, or fewer where it has no more."""
    order = str(rng.choice([name for name, _ in ORDERS], p=[share for _, share in ORDERS]))
    ranked = [index for index in getattr(found, order).tolist() if index not in leave_out]
    chosen: list[int] = []
    first = 0
    for last, count in STRATA:
        chosen += rng.permutation(ranked[first:last])[:count].tolist()
        first = last
    return chosen


def scored(query: Query, pool: Pool, found: Found, rng: np.random.Generator) -> Record:
    """A list to learn from."""
    gold = pool.gold(query, found) if query.labelled and rng.random() < LABELLED else None
    chosen = draw(found, rng, [] if gold is None else pool.siblings(query))
    scores = (SPREAD * found.teacher[chosen]).tolist()
    if gold is not None:
        scores[-1] = max(SPREAD * float(found.teacher[gold]), max(scores[:-1]) + MARGIN)
        chosen[-1] = gold
    return {
        "query": query.text,
        "documents": [pool.texts[index] for index in chosen],
        "scores": [round(score, 3) for score in scores],
    }


def agreement(query: Query, pool: Pool, found: Found) -> Record:
    """A list to compare the student with its teacher on."""
    best = found.lexical[:HELD_OUT_DEPTH]
    return {
        "query": query.text,
        "documents": [pool.texts[index] for index in best],
        "scores": [round(SPREAD * float(score), 3) for score in found.teacher[best]],
    }


def answer(query: Query, pool: Pool, found: Found) -> Record:
    """A question with its known answer and with passages of other documents."""
    siblings = pool.siblings(query)
    return {
        "query": query.text,
        "positive": [pool.texts[index] for index in [pool.gold(query, found)] if index is not None],
        "negative": [pool.texts[index] for index in found.lexical[:HELD_OUT_DEPTH] if index not in siblings],
    }


def held_out(domain: Domain, rng: np.random.Generator) -> list[Query]:
    """The held-out questions of a domain; `rng` has built the domain, and is drawn from as `build_data.py` does."""
    rng.random(len(domain.passages))  # there, whether each shows its title
    sources = {passage.source for passage in domain.passages}
    answered = [query for query in domain.queries if query.kind == "question" and query.gold in sources]
    return [answered[index] for index in rng.permutation(len(answered))[:HELD_OUT_QUERIES]]


def thin(domain: Domain, reserved: list[Query]) -> Domain:
    """The domain with as many passages as it may have, those that answer the held-out questions among them."""
    wanted = {query.gold for query in reserved}
    first = sorted(range(len(domain.passages)), key=lambda index: domain.passages[index].source not in wanted)
    kept = sorted(first[: MOST_PASSAGES.get(domain.name)])
    return replace(domain, passages=[domain.passages[index] for index in kept])


def sample(queries: list[Query], count: int, rng: np.random.Generator) -> list[int]:
    """Indices of queries to make lists of, questions more often than others."""
    weights = np.array([QUESTIONS if query.kind == "question" else 1.0 for query in queries])
    shares = weights / weights.sum()
    indices: list[int] = rng.choice(len(queries), count, replace=count > len(queries), p=shares).tolist()
    return indices


def build(
    domain: Domain, reserved: list[Query], pool: Pool, encoders: Encoders, rng: np.random.Generator
) -> dict[str, list[Record]]:
    """All three parts of one domain."""
    # Neither they nor any other question about their documents; nor the same words asked twice.
    documents, words = {query.gold for query in reserved}, {query.text.lower() for query in reserved}
    learned = [q for q in domain.queries if q.gold not in documents and q.text.lower() not in words]
    chosen = [learned[index] for index in sample(learned, N_LISTS[domain.name], rng)]
    encoded = encoders.encode([query.text for query in reserved + chosen])
    found = [
        (query, pool.search(query.text, encoded.dense[place], encoded.sparse[place]))
        for place, query in enumerate(reserved + chosen)
    ]
    asked = found[: len(reserved)]
    return {
        "lists": [scored(query, pool, results, rng) for query, results in found[len(reserved) :]],
        "agreement": [agreement(query, pool, results) for query, results in asked],
        "answers": [answer(query, pool, results) for query, results in asked],
    }


def main() -> None:
    """Read the arguments, build and write every domain."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("encoder", type=Path, help="folder of all-MiniLM-L6-v2")
    parser.add_argument("splade", type=Path, help="folder of SPLADE-tiny")
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", nargs="*", choices=sorted(POOLS), default=list(POOLS), help="these pools")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    encoders = Encoders(arguments.encoder, arguments.splade, arguments.out / "cache")
    for name in arguments.only:
        names, sparse_weight = POOLS[name]
        domains, reserved = [], []
        for domain_name in names:
            rng = np.random.default_rng(SEED)
            domain = DOMAINS[domain_name](arguments.data, rng)
            reserved.append(held_out(domain, rng))
            domains.append(thin(domain, reserved[-1]))
        pool = Pool.build(domains, encoders, sparse_weight)
        for domain, questions in zip(domains, reserved, strict=True):
            for part, lines in build(domain, questions, pool, encoders, np.random.default_rng(SEED)).items():
                write(arguments.out / part / f"{domain.name}.jsonl", lines)
                _log.info("%s, %s: %d lines", domain.name, part, len(lines))


if __name__ == "__main__":
    main()
