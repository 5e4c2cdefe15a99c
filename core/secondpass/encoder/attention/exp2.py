"""Attention as two batched products with an exp2 softmax between them: for bfloat16 on CPUs without matrix units.

There torch's fused kernel reaches a fifth of the products' speed, and softmax on its own is no faster: both subtract
each row's largest score and call a slow exponential. Softmax does not depend on what is subtracted, and powers of two
are quick, so nothing is subtracted, and the sums tell whether that was right: scores of hundreds, which trained models
do not have, leave bfloat16's range, and are left to the fused kernel.
"""

import math

import torch
from torch import Tensor

from secondpass.encoder.capabilities import Capabilities

# Scores computed at a time: as many as stay in a core's cache until they have been used.
_SCORES_AT_A_TIME = 320_000
# Between these sums of a row no term that matters was lost at either end of bfloat16's range.
_LEAST_SUM, _LARGEST_SUM = 2.0**-90, 2.0**90
# Below this many rows the calls take longer than what they save.
_FEWEST_ROWS = 80


def applies(query: Tensor, capabilities: Capabilities, *, n_rows: int) -> bool:
    """Whether this way is the faster one for `n_rows` rows like these."""
    return (
        query.dtype == torch.bfloat16
        and n_rows >= _FEWEST_ROWS
        and not capabilities.matrix_units
        and torch.bfloat16 not in capabilities.slow_dtypes
    )


def attend_by_exp2(query: Tensor, key: Tensor, value: Tensor, *, length: int) -> Tensor | None:
    """Every token's attention over its own pair, or None if the scores are too large for it.

    Args:
        query: May have more rows than there are tokens: products of round sizes are faster, and fewer to prepare.
            Shape: (n_pairs, n_heads, n_rows, head_dim).
        key: As query.
        value: As query.
        length: Tokens; the rows after them are read, but count for nothing.

    Returns:
        Shape: (n_pairs, n_heads, length, head_dim).
    """
    n_pairs, n_heads, n_rows, head_dim = query.shape
    q, k, v = (states.reshape(-1, n_rows, head_dim) for states in (query, key, value))
    scale = math.log2(math.e) / math.sqrt(head_dim)
    outputs, sums = torch.empty_like(q), q.new_empty(len(q), n_rows, 1)
    step = min(len(q), max(1, _SCORES_AT_A_TIME // n_rows**2))
    space = q.new_empty(step, n_rows, n_rows)
    for start in range(0, len(q), step):
        part = slice(start, start + step)
        scores = space[: len(q[part])]
        torch.baddbmm(scores, q[part], k[part].transpose(1, 2), beta=0, alpha=scale, out=scores)
        scores.exp2_()
        if n_rows > length:
            scores[:, :, length:] = 0.0
        torch.sum(scores, dim=2, keepdim=True, out=sums[part])
        torch.bmm(scores, v[part], out=outputs[part])
    if not (sums.min() > _LEAST_SUM and sums.max() < _LARGEST_SUM):
        return None
    return outputs.div_(sums).view(n_pairs, n_heads, n_rows, head_dim)[:, :, :length]
