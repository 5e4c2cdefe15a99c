"""Score more pairs than one call takes: from files, on one machine or many."""

from secondpass.jobs.batch_scorer import BatchScorer

__all__ = ["BatchScorer"]
