"""Haystack: cross-encoder reranking as a ranker component."""

from secondpass.extras import optional_import

with optional_import("haystack", feature="haystack_integrations.components.rankers.secondpass", extra="haystack"):
    import haystack  # noqa: F401 - only to see whether it is there

from haystack_integrations.components.rankers.secondpass.ranker import SecondPassRanker

__all__ = ["SecondPassRanker"]
