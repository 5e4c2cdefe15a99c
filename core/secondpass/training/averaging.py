"""The mean of several checkpoints of one run: often better than each of them (Izmailov et al., 2018)."""

from collections.abc import Mapping, Sequence

from torch import Tensor


def average(states: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of each tensor, computed in float32; integer buffers are taken from the last state.

    Args:
        states: At least one; all hold the same names and shapes.
    """
    last = states[-1]
    return {
        name: sum((state[name].float() for state in states[1:]), states[0][name].float()).div(len(states)).to(value)
        if value.is_floating_point()
        else value.clone()
        for name, value in last.items()
    }
