"""Rerankers that are asked over HTTP, whichever of the common APIs they speak."""

from secondpass.remote.scorer import RemoteScorer

__all__ = ["RemoteScorer"]
