"""Tokens that all pairs of a batch begin with, read once where they are more than a few.

A causal reranker's prompt puts its instruction and the query before the document, and no token of a causal model knows
of one behind it: what the model computes for these tokens is the same for every document of a query. Qwen3-Reranker's
prompt has some 70 of them, beside the query's own, as many as a short passage.
"""

from typing import Final

import torch

from secondpass.encoder.batch import TokenBatch

# Measured on a layer of width 512: eight save 4 to 6 % with pairs of 200 tokens, and cost 4 % with two of 2,000, whose
# keys are copied and whose queries are taken in slices.
_FEWEST: Final = 8


def share_prefix(batch: TokenBatch) -> TokenBatch:
    """The same pairs, with the tokens that all of them begin with laid once before the first.

    Every pair keeps a token of its own, the one that the head reads. Token types are not compared: no causal model has
    them.

    Args:
        batch: Pairs that share nothing yet, of one token or more each, on the host.

    Returns:
        `batch` itself where there is too little to share.
    """
    most = min(batch.lengths) - 1
    if len(batch.lengths) == 1 or most < _FEWEST:
        return batch
    lengths = torch.tensor(batch.lengths)
    starts = lengths.cumsum(0) - lengths
    beginnings = batch.ids[starts[:, None] + torch.arange(most)]
    n_shared = int((beginnings == beginnings[0]).all(dim=0).cumprod(dim=0).sum())
    if n_shared < _FEWEST:
        return batch
    kept = torch.arange(len(batch.ids)) - starts.repeat_interleave(lengths) >= n_shared
    kept[:n_shared] = True
    own = tuple(length - n_shared for length in batch.lengths)
    return TokenBatch(batch.ids[kept], batch.type_ids[kept], own, n_shared)
