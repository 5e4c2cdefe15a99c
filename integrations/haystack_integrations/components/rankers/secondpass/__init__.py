"""Haystack: cross-encoder reranking as a ranker component."""

from secondpass.errors import MissingExtraError

try:
    import haystack  # noqa: F401 - only to see whether it is there
except ModuleNotFoundError as error:
    if error.name != "haystack":
        raise
    raise MissingExtraError("haystack_integrations.components.rankers.secondpass", "haystack") from None

from haystack_integrations.components.rankers.secondpass.ranker import SecondPassRanker

__all__ = ["SecondPassRanker"]
