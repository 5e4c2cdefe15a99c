"""Queries that nobody asked: openings of questions, put before words and titles that passages hold.

The teacher needs no answers, so that these add kinds of questions, and passages that are asked about, at no cost.
"""

import re

import numpy as np
from corpora import Passage, Query

# What people begin web questions with; the empty one leaves the words as they are.
OPENINGS = (
    *(
        "what is",
        "what is the",
        "what are",
        "what does",
        "what causes",
        "what was",
        "definition of",
        "define",
        "meaning of",
    ),
    *("who is", "who was", "who", "where is", "where do", "when did", "when was", "why is", "why do", "which"),
    *("how to", "how does", "how do you", "how is", "how many", "how much", "how long does", "can you", "is", "does"),
    *("types of", "symptoms of", "difference between", "cost of", "average", "best", "", "", "", ""),
)
# Words after the opening: most questions of the web are short.
N_WORDS = (1, 5)
# The share of queries about a passage's title, where it has one.
TITLES = 0.3


def asked(passages: list[Passage], count: int, rng: np.random.Generator) -> list[Query]:
    """At most this many queries about passages drawn at random, a passage without such words giving none."""
    queries = []
    for index in rng.integers(0, len(passages), count).tolist():
        passage = passages[index]
        about = passage.title.lower() if passage.title and rng.random() < TITLES else _words(passage.text, rng)
        if about:
            queries.append(Query(f"{rng.choice(OPENINGS)} {about}".strip(), None, kind="keywords"))
    return queries


def _words(text: str, rng: np.random.Generator) -> str:
    """Neighbouring words in lower case, or none of a text that is too short."""
    words = re.findall(r"[a-z0-9][\w'-]*", text.lower())
    size = int(rng.integers(*N_WORDS))
    if len(words) <= size:
        return ""
    start = int(rng.integers(0, len(words) - size))
    return " ".join(words[start : start + size])
