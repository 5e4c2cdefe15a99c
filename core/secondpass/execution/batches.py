"""Lengths become batches: pairs of like length together, under a budget of tokens."""

import heapq
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from secondpass.encoder.round_up import ceil_div, round_up

# With fewer tokens per pass than these, one pass on all cores is taken to be faster than several on a share each. To
# measure: a model of two layers over a few short pairs, with this at 1 and at a number that is never reached. For
# several GPUs it is an estimate, not measured.
_LEAST_TOKENS_PER_PASS = 256
# What a pass costs beside its tokens, in tokens: as much as it takes for one more batch not to pay for a few tokens.
_TOKENS_PER_CALL = 30
# With more rounds of batches than these, an uneven end is a small part of the whole.
_FEW_ROUNDS = 8


@dataclass(frozen=True, slots=True)
class _Lengths:
    """Lengths of pairs, and the batches that a budget makes of them.

    Args:
        longest_first: Tokens of each pair.
        before: Tokens of all pairs before each one; the last entry is the total.
        padded: Whether a batch counts its longest member for every member.
    """

    longest_first: Sequence[int]
    before: Sequence[int]
    padded: bool

    @property
    def n_tokens(self) -> int:
        """Of all pairs."""
        return self.before[-1]

    def ends(self, budget: int) -> list[int]:
        """Where each batch ends, if it takes as many as the budget allows."""
        ends = [0]
        while ends[-1] < len(self.longest_first):
            ends.append(self._end(ends[-1], budget))
        return ends[1:]

    def _end(self, start: int, budget: int) -> int:
        """Where a batch that begins at `start` ends: behind one pair at least."""
        if self.padded:
            # A blank text may have no token.
            fitting = start + budget // max(1, self.longest_first[start])
        else:
            fitting = bisect_right(self.before, self.before[start] + budget) - 1
        return min(max(start + 1, fitting), len(self.longest_first))

    def even_budget(self, batch_tokens: int, n_parallel: int) -> int:
        """The smallest that makes no more batches than `batch_tokens` does, up to whole rounds of `n_parallel`."""
        n_batches = round_up(len(self.ends(batch_tokens)), n_parallel)
        if n_batches <= 1:
            return batch_tokens
        # A pair above the budget, a batch of its own, says nothing about the others.
        least = 1 if self.longest_first[0] > batch_tokens else ceil_div(self.n_tokens, n_batches)
        # A larger budget never makes more batches.
        budgets = range(batch_tokens)
        return bisect_left(budgets, -n_batches, lo=least, key=lambda budget: -len(self.ends(budget)))

    def budgets(self, batch_tokens: int, n_parallel: int) -> Iterator[int]:
        """Budgets that may divide the pairs evenly, none above `batch_tokens`.

        Batches end short of their budget, where the next pair does not fit, so that an even share leaves pairs over,
        which fill one batch more; a part of the longest pair on top takes them in. How large a part depends on the
        lengths at hand. By a count of tokens, for two passes and 20 to 150 pairs of a median of 62 tokens, the best of
        these ends 2 to 6 % sooner than always half of the longest pair on top, with as many batches. More batches would
        end sooner still by that count; whether smaller ones are as fast has not been timed.
        """
        rounds = ceil_div(self.n_tokens, n_parallel * batch_tokens)
        if rounds > _FEW_ROUNDS:
            yield self.even_budget(batch_tokens, n_parallel)
            return
        share, longest = ceil_div(self.n_tokens, n_parallel * rounds), self.longest_first[0]
        for part in (0, longest // 4, longest // 2, longest):
            yield min(batch_tokens, share + part)


def token_batches(lengths: Sequence[int], batch_tokens: int, n_parallel: int = 1, *, padded: bool) -> list[list[int]]:
    """Indices of `lengths`, longest first, in batches of at most `batch_tokens`.

    Every index appears exactly once. A single pair above the budget is a batch of its own. Longest first, so that a
    budget too large for the memory shows at once, and padding is little where there is any. No batch is larger than it
    has to be for there to be no more of them, so that those of a long stream have nearly one size: oneDNN prepares its
    products for each, and keeps them.

    Args:
        lengths: Tokens of each pair, specials included.
        batch_tokens: Tokens of one forward pass, at least 1.
        n_parallel: How many batches run at a time. Where there is enough to do, batches are such that all passes are
            busy to the end, or nearly.
        padded: Whether the encoder pads: the budget then counts a batch's longest member for every member.
    """
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    longest_first = [lengths[i] for i in order]
    sizes = _Lengths(longest_first, [0, *accumulate(longest_first)], padded)
    if n_parallel == 1 or sizes.n_tokens < n_parallel * _LEAST_TOKENS_PER_PASS:
        ends = sizes.ends(sizes.even_budget(batch_tokens, 1))
    else:
        before = sizes.before
        choices = (sizes.ends(budget) for budget in sizes.budgets(batch_tokens, n_parallel))
        ends = min(choices, key=lambda ends: _last_end([before[b] - before[a] for a, b in _spans(ends)], n_parallel))
    return [order[start:end] for start, end in _spans(ends)]


def _spans(ends: Sequence[int]) -> Iterator[tuple[int, int]]:
    return pairwise([0, *ends])


def _last_end(sizes: Sequence[int], n_parallel: int) -> int:
    """When the last of the passes ends, in tokens, if each takes the next batch as it comes free."""
    ends = [0] * n_parallel
    for size in sizes:
        heapq.heapreplace(ends, ends[0] + size + _TOKENS_PER_CALL)
    return max(ends)
