"""Lengths become batches: pairs of like length together, under a budget of tokens."""

from collections.abc import Sequence

# Fewer tokens than these are computed faster by all cores together.
_LANE_TOKENS = 256


def token_batches(lengths: Sequence[int], batch_tokens: int, lanes: int = 1) -> list[list[int]]:
    """Indices of `lengths`, longest first, in batches whose padded size stays within `batch_tokens`.

    Every index appears exactly once. The budget counts a batch's longest member for every member, so that it also holds
    for encoders that pad; among neighbours in length the difference is small. A single pair above the budget is a batch
    of its own. Longest first, so that a budget too large for the memory shows at once.

    Args:
        lengths: Tokens of each pair, specials included.
        batch_tokens: Tokens of one forward pass, at least 1.
        lanes: How many batches run at a time. There will be a multiple of as many of about equal size, if there is
            enough to do.
    """
    total = sum(lengths)
    if lanes > 1 and total >= lanes * _LANE_TOKENS:
        rounds = -(-total // (lanes * batch_tokens))
        batch_tokens = min(batch_tokens, -(-total // (lanes * rounds)) + max(lengths) // 2)
    batches: list[list[int]] = []
    widest = 0
    for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if batches and (len(batches[-1]) + 1) * widest <= batch_tokens:
            batches[-1].append(index)
        else:
            batches.append([index])
            widest = lengths[index]
    return batches
