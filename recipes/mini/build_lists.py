"""Build the lists that the second edition of `secondpass/mini` learns from: real candidates, scored by the teacher.

    python build_lists.py DATA ENCODER SPLADE OUT

All domains are searched together. A list has sixteen passages that a first stage really found: eight of BM25's best
hundred, wherever they stand, four of the best of those by the teacher, four of the bi-encoder's best. OUT receives, one
file per domain:

- `lists/`: what is learned from. Half of the lists of questions with a known answer hold it, lifted above the others.
- `agreement/`: for held-out questions, BM25's best fifty with the teacher's scores.
- `answers/`: the same fifty with the known answer, and without the other passages of its document.
- `cache/`: what the encoders made of all texts, so that a second run takes minutes.

The questions held out are those that `build_data.py` holds out.
"""

import argparse
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

import numpy as np
from asked import asked
from build_data import HELD_OUT_QUERIES, SEED, write
from corpora import DOMAINS, MORE, Domain, Query
from encode import Encoders
from pools import Found, Pool

# Lists of each domain, and the weight of SPLADE there: it learned from web questions.
PLANS: Mapping[str, tuple[int, float]] = {
    "web": (16000, 0.6),
    "squad": (14000, 0.6),
    "software": (8000, 0.5),
    "science": (8000, 0.25),
    "medical": (7000, 0.3),
    "covid": (4500, 0.25),
    "claims": (1100, 0.25),
}
# Passages of a list: how many of which order, from how many of its best.
DRAWN = (("lexical", 100, 8), ("reranked", 20, 4), ("dense", 50, 4))
# Queries made of a domain's passages, as a share of its lists.
MADE_UP = 0.4
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
    """Passages of both first stages, each once; fewer than sixteen where they have no more."""
    chosen: list[int] = []
    for name, depth, count in DRAWN:
        ranked = [i for i in getattr(found, name)[:depth].tolist() if i not in leave_out and i not in chosen]
        chosen += rng.permutation(ranked)[:count].tolist()
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


def sample(queries: list[Query], count: int, rng: np.random.Generator) -> list[Query]:
    """Queries to make lists of: each once, or all, and some again where there are too few."""
    repeats, rest = divmod(count, len(queries))
    return queries * repeats + [queries[index] for index in rng.permutation(len(queries))[:rest].tolist()]


def build(
    domain: Domain, more: Domain | None, reserved: list[Query], pool: Pool, encoders: Encoders, rng: np.random.Generator
) -> dict[str, list[Record]]:
    """All three parts of one domain."""
    n_lists, sparse_weight = PLANS[domain.name]
    # Neither they nor any other question about their documents; nor the same words asked twice.
    documents, words = {query.gold for query in reserved}, {query.text.lower() for query in reserved}
    known = domain.queries + ([] if more is None else more.queries)
    learned = [query for query in known if query.gold not in documents and query.text.lower() not in words]
    passages = domain.passages + ([] if more is None else more.passages)
    # The weights that are shipped learned from a run that drew these from the held-out questions' documents too.
    made_up = asked([passage for passage in passages if passage.source not in documents], int(MADE_UP * n_lists), rng)
    chosen = sample(learned, n_lists - len(made_up), rng) + made_up

    def search(queries: list[Query]) -> Iterator[tuple[Query, Found]]:
        encoded = encoders.encode([query.text for query in queries])
        return zip(queries, pool.search(queries, encoded, sparse_weight), strict=True)

    asked_of = list(search(reserved))
    return {
        "lists": [scored(query, pool, found, rng) for query, found in search(chosen)],
        "agreement": [agreement(query, pool, found) for query, found in asked_of],
        "answers": [answer(query, pool, found) for query, found in asked_of],
    }


def main() -> None:
    """Read the arguments, build and write every domain."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("encoder", type=Path, help="folder of all-MiniLM-L6-v2")
    parser.add_argument("splade", type=Path, help="folder of SPLADE-tiny")
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    encoders = Encoders(arguments.encoder, arguments.splade, arguments.out / "cache")
    domains, reserved, more = [], [], []
    for name in PLANS:
        rng = np.random.default_rng(SEED)
        domains.append(DOMAINS[name](arguments.data, rng))
        reserved.append(held_out(domains[-1], rng))
        more.append(MORE[name](arguments.data, np.random.default_rng(SEED)) if name in MORE else None)
    pool = Pool.build(domains + [domain for domain in more if domain is not None], encoders)
    _log.info("%d passages", len(pool.texts))
    for domain, rest, questions in zip(domains, more, reserved, strict=True):
        for part, lines in build(domain, rest, questions, pool, encoders, np.random.default_rng(SEED)).items():
            # Held-out sets go by their files' names, so that those of the two parts must differ.
            name = f"{domain.name}-answers" if part == "answers" else domain.name
            write(arguments.out / part / f"{name}.jsonl", lines)
            _log.info("%s, %s: %d lines", domain.name, part, len(lines))


if __name__ == "__main__":
    main()
