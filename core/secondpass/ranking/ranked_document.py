"""What a ranking is made of: documents in their places, and the passages that put them there."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Passage:
    """Characters of a document that were read together.

    Args:
        start: The first character, from 0.
        end: One behind the last character.
        score: The passage's own relevance, in the unit of the document's score.
    """

    start: int
    end: int
    score: float


def in_own_numbers(passage: Passage) -> Passage:
    """The passage in Python's own numbers: those of numpy, which a scorer may give, are none that JSON holds."""
    return Passage(int(passage.start), int(passage.end), float(passage.score))


@dataclass(frozen=True, slots=True)
class RankedDocument:
    """A document in its place.

    Args:
        index: Where it stood in the given documents.
        score: Its relevance; the unit is the scorer's (for most checkpoints a logit, unbounded), or the score map's.
        text: The document itself.
        passage: The best of its windows, the whole text where it was read at once; None where the scorer does not say.
        truncated: Whether a part of the document or of the query was not read; None where the scorer does not say.
        raw_score: The score before any score map, such as a sigmoid or a calibration, which orders documents of equal
            scores; None where nothing mapped it.
    """

    index: int
    score: float
    text: str
    passage: Passage | None = None
    truncated: bool | None = None
    raw_score: float | None = None

    @property
    def tie_breaker(self) -> float:
        """What orders documents of equal scores: the raw score, or the score where nothing mapped it."""
        return self.score if self.raw_score is None else self.raw_score
