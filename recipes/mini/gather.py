"""Gather all passages and queries of the third edition in one file that a GPU searches.

    python gather.py DATA TOKENIZER OUT

All domains are searched together, as in `build_lists.py`, and the questions held out are those that it holds out. OUT
is one file: each text once, as the numbers of its tokens and of its words' stems.
"""

import argparse
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import bm25s
import numpy as np
import Stemmer
from asked import asked
from build_data import SEED
from build_lists import held_out
from corpora import DOMAINS, LATER, MORE, Domain, Query
from numpy.typing import NDArray
from ragged import Ragged, tokenised
from tokenizers import Tokenizer


@dataclass(frozen=True, slots=True)
class Plan:
    """What is made of a domain.

    Args:
        made_up: Queries made of its passages' words.
        sparse_weight: Of SPLADE, which learned from web questions, in the teacher's score.
        share: Of all lists.
    """

    made_up: int
    sparse_weight: float
    share: float


PLANS: Mapping[str, Plan] = {
    "web": Plan(26000, 0.6, 0.22),
    "squad": Plan(16000, 0.6, 0.14),
    "textbooks": Plan(36000, 0.6, 0.24),
    "software": Plan(14000, 0.5, 0.08),
    "science": Plan(16000, 0.25, 0.12),
    "medical": Plan(12000, 0.3, 0.08),
    "covid": Plan(8000, 0.25, 0.05),
    "biomedical": Plan(3000, 0.25, 0.04),
    "claims": Plan(500, 0.25, 0.03),
}
# The domains whose passages begin with their titles.
TITLED = frozenset({"claims", "science", "covid"})
# What a file holds of each passage or query.
_RAGGED = ("passages", "passage_terms", "queries", "query_terms", "answers", "siblings")

_log = logging.getLogger("gather")


@dataclass(frozen=True, slots=True)
class Gathered:
    """What is searched, and what for.

    Args:
        passages: As tokens.
        passage_terms: The numbers of each passage's stems.
        queries: As tokens.
        query_terms: The numbers of each query's stems, of those that a passage has.
        answers: The passages of which one answers the query; none where that is not known.
        siblings: All passages of the document that answers it.
        names: Of the domains.
        domains: Of each query the number of its domain. Shape: (n_queries,).
        held_out: Whether a query is one that nothing learns from. Shape: as domains.
    """

    passages: Ragged
    passage_terms: Ragged
    queries: Ragged
    query_terms: Ragged
    answers: Ragged
    siblings: Ragged
    names: tuple[str, ...]
    domains: NDArray[np.int64]
    held_out: NDArray[np.bool_]

    def save(self, path: Path) -> None:
        """Write one file, its numbers as small as they are."""
        arrays: dict[str, NDArray[np.generic]] = {
            "names": np.array(self.names),
            "domains": self.domains.astype(np.int8),
            "held_out": self.held_out,
        }
        for name in _RAGGED:
            lists: Ragged = getattr(self, name)
            small = np.uint16 if name in ("passages", "queries") else np.int32  # tokens of a vocabulary, or places
            arrays |= {f"{name}.values": lists.values.astype(small), f"{name}.lengths": np.diff(lists.bounds)}
        np.savez_compressed(path, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote."""
        with np.load(path) as arrays:

            def ragged(name: str) -> Ragged:
                lengths = arrays[f"{name}.lengths"].astype(np.int64)
                return Ragged(arrays[f"{name}.values"].astype(np.int64), np.cumsum([0, *lengths]))

            return cls(
                **{name: ragged(name) for name in _RAGGED},
                names=tuple(arrays["names"].tolist()),
                domains=arrays["domains"].astype(np.int64),
                held_out=arrays["held_out"],
            )


def gather(data: Path, tokenizer: Tokenizer, names: Sequence[str] = tuple(PLANS)) -> Gathered:
    """Read domains.

    Args:
        data: The folder that README.md describes.
        tokenizer: Of the model that learns; it neither pads nor truncates.
        names: Of the domains.
    """
    places: dict[str, int] = {}
    sources: dict[str, list[int]] = {}
    found: list[tuple[Query, int, bool]] = []
    for number, name in enumerate(names):
        rng = np.random.default_rng(SEED)
        domain = {**DOMAINS, **LATER}[name](data, rng)
        reserved = held_out(domain, rng)
        more = MORE[name](data, np.random.default_rng(SEED)) if name in MORE else Domain(name, [], [])
        for passage in domain.passages + more.passages:
            text = f"{passage.title}. {passage.text}" if name in TITLED and passage.title else passage.text
            own = sources.setdefault(passage.source, [])
            place = places.setdefault(text, len(places))
            if place not in own:
                own.append(place)
        # Neither they nor any other question about their documents; nor the same words asked twice.
        documents, words = {query.gold for query in reserved}, {query.text.lower() for query in reserved}
        known = domain.queries + more.queries
        learned = [query for query in known if query.gold not in documents and query.text.lower() not in words]
        passages = [each for each in domain.passages + more.passages if each.source not in documents]
        made_up = asked(passages, PLANS[name].made_up, np.random.default_rng(SEED))
        found += [(query, number, True) for query in reserved] + [(query, number, False) for query in learned + made_up]
        _log.info("%s: %d passages so far, %d queries", name, len(places), len(learned) + len(made_up))
    texts, queries = list(places), [query for query, _, _ in found]
    siblings = [sources.get(query.gold or "", []) if query.labelled else [] for query in queries]
    stems = bm25s.tokenize(texts, stopwords="en", stemmer=Stemmer.Stemmer("english"), show_progress=False)
    asked_for = bm25s.tokenize(
        [query.text for query in queries],
        stopwords="en",
        stemmer=Stemmer.Stemmer("english"),
        return_ids=False,
        show_progress=False,
    )
    return Gathered(
        tokenised(texts, tokenizer),
        Ragged.of(stems.ids),
        tokenised([query.text for query in queries], tokenizer),
        Ragged.of([stems.vocab[term] for term in terms if term in stems.vocab] for terms in asked_for),
        Ragged.of(_answering(query, own, texts) for query, own in zip(queries, siblings, strict=True)),
        Ragged.of(siblings),
        tuple(names),
        np.array([number for _, number, _ in found]),
        np.array([held for _, _, held in found]),
    )


def _answering(query: Query, passages: list[int], texts: list[str]) -> list[int]:
    """Of a document's passages those that hold an answer, or else all of them."""
    answers = [answer.lower() for answer in query.answers]
    return [place for place in passages if any(answer in texts[place].lower() for answer in answers)] or passages


def main() -> None:
    """Read the arguments, gather, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("tokenizer", type=Path, help="a folder with tokenizer.json")
    parser.add_argument("out", type=Path, help="such as data/gathered.npz")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    tokenizer = Tokenizer.from_file(str(arguments.tokenizer / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    gather(arguments.data, tokenizer).save(arguments.out)


if __name__ == "__main__":
    main()
