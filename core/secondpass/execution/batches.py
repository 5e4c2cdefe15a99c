"""Lengths become batches: pairs of like length together, under a budget of tokens."""

import heapq
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

from secondpass.encoder.rounding import ceil_div, round_up

# With fewer tokens per pass than these, one pass on all cores is taken to be faster than several on a share each. To
# measure: a model of two layers over a few short pairs, with this at 1 and at a number that is never reached.
_LEAST_TOKENS_PER_PASS = 256
# What a pass costs beside its tokens, in tokens: as much as it takes for one more batch not to pay for a few tokens.
_TOKENS_PER_CALL = 30
# With more rounds of batches than these, an uneven end is a small part of the whole.
_FEW_ROUNDS = 8


def token_batches(lengths: Sequence[int], batch_tokens: int, n_parallel: int = 1) -> list[list[int]]:
    """Indices of `lengths`, longest first, in batches whose padded size stays within `batch_tokens`.

    Every index appears exactly once. The budget counts a batch's longest member for every member, so that it also holds
    for encoders that pad; among neighbours in length the difference is small. A single pair above the budget is a batch
    of its own. Longest first, so that a budget too large for the memory shows at once. No batch is larger than it has
    to be for there to be no more of them, so that those of a long stream have nearly one size: oneDNN prepares its
    products for each.

    Args:
        lengths: Tokens of each pair, specials included.
        batch_tokens: Tokens of one forward pass, at least 1.
        n_parallel: How many batches run at a time. Where there is enough to do, batches are such that all passes are
            busy to the end, or nearly.
    """
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    longest_first = [lengths[i] for i in order]
    if n_parallel == 1 or sum(lengths) < n_parallel * _LEAST_TOKENS_PER_PASS:
        ends = _ends(longest_first, _even_budget(longest_first, batch_tokens, 1))
    else:
        before = [0, *accumulate(longest_first)]
        choices = (_ends(longest_first, budget) for budget in _budgets(longest_first, batch_tokens, n_parallel))
        ends = min(choices, key=lambda ends: _last_end([before[b] - before[a] for a, b in _spans(ends)], n_parallel))
    return [order[start:end] for start, end in _spans(ends)]


def _ends(longest_first: Sequence[int], budget: int) -> list[int]:
    """Where each batch ends, if it takes as many as the budget allows."""
    ends = []
    end = 0
    while end < len(longest_first):
        # A blank text may have no token.
        end = min(end + max(1, budget // max(1, longest_first[end])), len(longest_first))
        ends.append(end)
    return ends


def _spans(ends: Sequence[int]) -> Iterator[tuple[int, int]]:
    return pairwise([0, *ends])


def _even_budget(longest_first: Sequence[int], batch_tokens: int, n_parallel: int) -> int:
    """The smallest budget with as few batches as `batch_tokens` gives, or up to `n_parallel` as many fill a round."""
    n_batches = round_up(len(_ends(longest_first, batch_tokens)), n_parallel)
    if n_batches <= 1:
        return batch_tokens
    least = min(ceil_div(sum(longest_first), n_batches), batch_tokens)
    # A larger budget never makes more batches.
    budgets = range(batch_tokens)
    return bisect_left(budgets, -n_batches, lo=least, key=lambda budget: -len(_ends(longest_first, budget)))


def _budgets(longest_first: Sequence[int], batch_tokens: int, n_parallel: int) -> Iterator[int]:
    """Budgets that may divide the pairs evenly, none above `batch_tokens`.

    Batches end short of their budget, where the next pair does not fit, so that an even share leaves pairs over, which
    fill one batch more; a part of the longest pair on top takes them in. How large a part depends on the lengths at
    hand. By a count of tokens, for two passes and 20 to 150 pairs of a median of 62 tokens, the best of these ends 2 to
    6 % sooner than always half of the longest pair on top, with as many batches. More batches would end sooner still by
    that count; whether smaller ones are as fast has not been timed.
    """
    total, longest = sum(longest_first), longest_first[0]
    rounds = ceil_div(total, n_parallel * batch_tokens)
    if rounds > _FEW_ROUNDS:
        yield _even_budget(longest_first, batch_tokens, n_parallel)
        return
    share = ceil_div(total, n_parallel * rounds)
    for part in (0, longest // 4, longest // 2, longest):
        yield min(batch_tokens, share + part)


def _last_end(sizes: Sequence[int], n_parallel: int) -> int:
    """When the last of the passes ends, in tokens, if each takes the next batch as it comes free."""
    ends = [0] * n_parallel
    for size in sizes:
        heapq.heapreplace(ends, ends[0] + size + _TOKENS_PER_CALL)
    return max(ends)
