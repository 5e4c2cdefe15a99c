"""Lengths become batches: pairs of like length together, under a budget of tokens."""

from collections.abc import Sequence

from secondpass.encoder.rounding import ceil_div

# With fewer tokens per pass than these, one pass on all cores is taken to be faster than several on a share each. To
# measure: a model of two layers over a few short pairs, with this at 1 and at a number that is never reached.
_LEAST_TOKENS_PER_PASS = 256


def token_batches(lengths: Sequence[int], batch_tokens: int, n_parallel: int = 1) -> list[list[int]]:
    """Indices of `lengths`, longest first, in batches whose padded size stays within `batch_tokens`.

    Every index appears exactly once. The budget counts a batch's longest member for every member, so that it also holds
    for encoders that pad; among neighbours in length the difference is small. A single pair above the budget is a batch
    of its own. Longest first, so that a budget too large for the memory shows at once.

    Args:
        lengths: Tokens of each pair, specials included.
        batch_tokens: Tokens of one forward pass, at least 1.
        n_parallel: How many batches run at a time. Where there is enough to do, batches are of about equal size, and as
            many as fill all passes to the end but for a few pairs left over.
    """
    total = sum(lengths)
    if n_parallel > 1 and total >= n_parallel * _LEAST_TOKENS_PER_PASS:
        n_batches = n_parallel * ceil_div(total, n_parallel * batch_tokens)
        # Batches end short of their budget, where the next pair does not fit, and the pairs left over fill more.
        # Half of the longest pair on top leaves fewer. By a count of tokens, for 20 to 400 pairs of 20 to 250 and
        # batches handed to passes as they come free, the last of 2 to 8 passes ends up to a fifth sooner than with an
        # even share. Other fractions have not been timed.
        batch_tokens = min(batch_tokens, ceil_div(total, n_batches) + max(lengths) // 2)
    batches: list[list[int]] = []
    longest = 0
    for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if batches and (len(batches[-1]) + 1) * longest <= batch_tokens:
            batches[-1].append(index)
        else:
            batches.append([index])
            longest = lengths[index]
    return batches
