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
        raw_score: What orders documents of equal scores, as in `RankedDocument`; None where nothing mapped the score.
    """

    score: float
    passage: Passage | None = None
    truncated: bool | None = None
    n_tokens: int | None = None
    raw_score: float | None = None


def one_by_one(readings: Readings) -> list[Reading]:
    """Each pair's, in the given order."""
    scores, truncated = readings.scores.tolist(), readings.truncated.tolist()
    n_tokens = [None] * len(scores) if readings.n_tokens is None else readings.n_tokens.tolist()
    raw_scores = [None] * len(scores) if readings.raw_scores is None else readings.raw_scores.tolist()
    return list(map(Reading, scores, readings.passages, truncated, n_tokens, raw_scores))
