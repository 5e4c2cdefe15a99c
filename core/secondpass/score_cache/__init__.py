"""Scores on disk: what is kept of a pair, the file it is kept in, and both for one scorer."""

from secondpass.score_cache.entries import Lookup, Scores, in_form, join, pair_keys
from secondpass.score_cache.kept_scores import RANKING, READING, SCORE, KeptScores
from secondpass.score_cache.store import ScoreStore

__all__ = [
    "RANKING", "READING", "SCORE", "KeptScores", "Lookup", "ScoreStore", "Scores", "in_form", "join", "pair_keys",
]  # fmt: skip
