"""Why a passage is first after the second pass: what it overtook, and the sentence of it that counted most.

The sentence is found by leaving out one after the other: without the one that counts most the score falls furthest. It
is what the model read, not a guess at what it thought.
"""

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from secondpass.ranking import RankedDocument, Scorer

if TYPE_CHECKING:
    from secondpass.demo import Passage

# Where a sentence ends and another begins; a capital before the full stop is an initial, or part of "U.S.".
_SENTENCE_END = re.compile(r"(?<=[.!?])(?<![A-Z]\.)\s+(?=[^a-z\s])")
# Characters of a sentence that are quoted.
_QUOTED = 160


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a passage is first.

    Args:
        title: Its title.
        before: Its rank by BM25, 1 the best.
        overtaken: Title of the passage that was first before; None: it was itself.
        sentence: Its sentence that counts most; None: it has only one.
        score: The model's score of it.
        score_without: The score without that sentence; None: it has only one.
        rank_without: The rank it would have with that score; None: it has only one.
    """

    title: str
    before: int
    overtaken: str | None
    sentence: str | None
    score: float
    score_without: float | None
    rank_without: int | None


def find_reason(
    scorer: Scorer, question: str, candidates: Sequence["Passage"], ranking: Sequence[RankedDocument]
) -> Reason:
    """Why the first of a ranking is first.

    Args:
        scorer: The model that made it.
        question: What was asked.
        candidates: BM25's passages, best first.
        ranking: The model's order of them; at least one.
    """
    best = ranking[0]
    passage = candidates[best.index]
    overtaken = None if best.index == 0 else candidates[0].title
    sentences = split_sentences(passage.text)
    if len(sentences) == 1:
        return Reason(passage.title, best.index + 1, overtaken, None, best.score, None, None)
    remainders = [" ".join([*sentences[:i], *sentences[i + 1 :]]) for i in range(len(sentences))]
    scores = np.asarray(scorer.score(question, remainders), dtype=np.float64)
    lowest = int(scores.argmin())
    score_without = float(scores[lowest])
    # Of equal scores the one that BM25 had before stands first, as in every ranking.
    ahead = [(-score_without, best.index) > (-ranked.score, ranked.index) for ranked in ranking[1:]]
    rank_without = 1 + sum(ahead)
    sentence = sentences[lowest]
    return Reason(passage.title, best.index + 1, overtaken, sentence, best.score, score_without, rank_without)


def split_sentences(text: str) -> list[str]:
    """The sentences of a text, in order; at least one."""
    return _SENTENCE_END.split(text.strip())


def in_words(reason: Reason) -> str:
    """A reason in one sentence."""
    title = f"“{reason.title}”"
    if reason.overtaken is None:
        moved = f"{title} was BM25's first already and stays there"
    elif reason.overtaken == reason.title:
        moved = f"{title} moves from {reason.before} to 1, past another passage of that title (BM25's first)"
    else:
        moved = f"{title} moves from {reason.before} to 1, past “{reason.overtaken}” (BM25's first)"
    if reason.sentence is None or reason.score_without is None:
        return f"{moved}, by its only sentence."
    quoted = f"“{textwrap.shorten(reason.sentence, _QUOTED, placeholder=' …')}”"
    without, score = f"{reason.score_without:.2f}", f"{reason.score:.2f}"
    scores = f"its score is {without} rather than {score}"
    if reason.rank_without == 1 and (without == score or reason.score_without >= reason.score):
        return f"{moved}, and needs no single one of its sentences for that: without {quoted} {scores}."
    if reason.rank_without == 1:
        return f"{moved}, mostly for {quoted}: without that {scores}, though still the highest."
    return f"{moved}, for {quoted}: without that {scores}, and its rank {reason.rank_without}."
