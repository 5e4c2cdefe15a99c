"""The scores of a call that got none: they keep the given order, and no good answer looks like them."""

from collections.abc import Sequence


def kept_order(n_documents: int) -> list[float]:
    """-1, -2, -3 and so on: what a scorer with `on_failure="keep_order"` gives for documents in the given order."""
    return [-float(place) for place in range(1, n_documents + 1)]


def is_kept_order(scorer: object, scores: Sequence[float]) -> bool:
    """Whether a scorer kept the given order, for want of scores of its own.

    Args:
        scorer: What gave them.
        scores: In the given order.
    """
    return getattr(scorer, "on_failure", "raise") == "keep_order" and list(scores) == kept_order(len(scores))
