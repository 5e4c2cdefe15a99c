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
        mask: True where there is a token. Shape: (n_pairs, longest), bool.
        pooling: Which state of each.

    Returns:
        Shape: (n_pairs, hidden).
    """
    rows = torch.arange(len(states), device=states.device)
    positions = torch.arange(states.shape[1], device=states.device).expand_as(mask)
    match pooling:
        case Pooling.CLS:
            first = positions.masked_fill(~mask, states.shape[1]).argmin(dim=1)
            return states[rows, first].float()
        case Pooling.LAST:
            last = positions.masked_fill(~mask, -1).argmax(dim=1)
            return states[rows, last].float()
        case Pooling.MAX:
            return states.float().masked_fill(~mask.unsqueeze(-1), float("-inf")).amax(dim=1)
        case Pooling.MEAN:
            of_tokens = states.float() * mask.unsqueeze(-1)
            return of_tokens.sum(dim=1) / mask.sum(dim=1, keepdim=True)
