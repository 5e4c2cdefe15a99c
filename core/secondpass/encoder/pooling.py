"""Which state of a text's tokens stands for the text, over packed rows and over padded ones."""

from enum import StrEnum

import torch
from torch import Tensor

from secondpass.encoder.packing import Packing


class Pooling(StrEnum):
    """Which state of a text's tokens stands for the text."""

    CLS = "cls"
    """The first token's."""
    MEAN = "mean"
    """The mean over all tokens."""
    MAX = "max"
    """The largest value of each dimension over all tokens."""
    LAST = "last"
    """The last token's, for causal models."""


# Those that the packed encoder has; it computes only what CLS or LAST needs in its last layer.
PACKED_POOLINGS = (Pooling.CLS, Pooling.MEAN)
# And where a token attends to none behind it, so that the first one knows nothing of the others.
CAUSAL_PACKED_POOLINGS = (Pooling.LAST, Pooling.MEAN)


def packed_means(states: Tensor, packing: Packing) -> Tensor:
    """The mean over each pair's rows, in float32. Shape: (n_rows, hidden) -> (n_pairs, hidden)."""
    blocks = (states[group.first_row : group.end_row].view(group.n_pairs, group.length, -1) for group in packing.groups)
    return torch.cat([block.mean(dim=1, dtype=torch.float32) for block in blocks])


def pool_padded(states: Tensor, mask: Tensor, pooling: Pooling) -> Tensor:
    """The pooled states of padded texts, in float32.

    Args:
        states: Shape: (n_pairs, longest, hidden).
        mask: True where there is a token, with padding to the right. Shape: (n_pairs, longest), bool.
        pooling: Which state of each.

    Returns:
        Shape: (n_pairs, hidden).
    """
    match pooling:
        case Pooling.CLS:
            return states[:, 0].to(torch.float32, copy=True)  # a view would keep all the states in memory
        case Pooling.LAST:
            rows = torch.arange(len(states), device=states.device)
            last = (mask.sum(dim=1) - 1).clamp(min=0)  # the first one of a text without any token
            return states[rows, last].float()
        case Pooling.MAX:
            return states.float().masked_fill(~mask.unsqueeze(-1), float("-inf")).amax(dim=1)
        case Pooling.MEAN:
            of_tokens = states.float() * mask.unsqueeze(-1)
            return of_tokens.sum(dim=1) / mask.sum(dim=1, keepdim=True)
