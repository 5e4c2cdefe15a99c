"""The mean of several models' weights: often better than each of them (Izmailov et al., 2018)."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor


def average(states: Sequence[Mapping[str, Tensor]], shares: Sequence[float] | None = None) -> dict[str, Tensor]:
    """The mean of each tensor, computed in float32; integer buffers are taken from the last state.

    Args:
        states: At least one; all hold the same names and shapes.
        shares: The weight of each state, of sum 1; None: equal ones.
    """
    if shares is None:
        shares = [1 / len(states)] * len(states)
    last = states[-1]
    return {
        name: torch.stack([share * state[name].float() for share, state in zip(shares, states, strict=True)])
        .sum(0)
        .to(value)
        if value.is_floating_point()
        else value.clone()
        for name, value in last.items()
    }
