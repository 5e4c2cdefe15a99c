"""Scores on disk: what is kept of a pair, and the file it is kept in."""

from secondpass.score_cache.entries import LIST, Entry, Lookup, Scores, in_form, join, pair_keys
from secondpass.score_cache.store import ScoreStore

__all__ = ["LIST", "Entry", "Lookup", "ScoreStore", "Scores", "in_form", "join", "pair_keys"]
