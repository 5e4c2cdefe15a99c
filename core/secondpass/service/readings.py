"""What a model made of single pairs: those of a pass are given out one by one, for they may be many requests'."""

from dataclasses import dataclass

from secondpass.ranking import Passage, Readings


@dataclass(frozen=True, slots=True)
class Reading:
    """What a model made of one pair.

    Args:
        score: Its relevance, in the scorer's unit.
        passage: The best passage of the document; None where the scorer does not say.
        truncated: Whether a part of the pair was not read; None where the scorer does not say.
        n_tokens: Tokens that were read of the pair; None where the scorer does not say.
    """

    score: float
    passage: Passage | None = None
    truncated: bool | None = None
    n_tokens: int | None = None


def one_by_one(readings: Readings) -> list[Reading]:
    """Each pair's, in the given order."""
    n_tokens = [None] * len(readings) if readings.n_tokens is None else readings.n_tokens.tolist()
    return list(map(Reading, readings.scores.tolist(), readings.passages, readings.truncated.tolist(), n_tokens))
