"""Which weights a run keeps: its best checkpoint, or a mean that does better on the held-out sets.

The mean of several checkpoints is often better than each of them (Izmailov et al., 2018), and so is the mean with the
model that training began with, on texts unlike those it learned from (Wortsman et al., 2022).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from sentence_transformers.cross_encoder import CrossEncoder
from torch import Tensor

from secondpass.training.held_out import METRIC, HeldOut

State = Mapping[str, Tensor]
"""Weights by name."""


def choose(
    model: CrossEncoder, evaluator: HeldOut, last: Sequence[Path], base: State | None, base_share: float
) -> tuple[dict[str, float], str]:
    """Leave the best of what a run offers in the model; give its figures, and say in words which it is.

    Args:
        model: With the weights of the best checkpoint.
        evaluator: The judge.
        last: Checkpoints whose mean is tried, if there are several.
        base: The weights that training began with, to be mixed in; None: they are not.
        base_share: How much of them.
    """
    offered = {"best checkpoint": copied(model)}
    if len(last) > 1:
        states = [CrossEncoder(str(path), device="cpu").state_dict() for path in last]
        offered[f"mean of the last {len(last)} checkpoints"] = average(states)
    if base is not None:
        offered |= {
            f"{name}, {base_share:g} of the base mixed in": average([base, state], [base_share, 1 - base_share])
            for name, state in offered.items()
        }
    figures = {}
    for name, state in offered.items():
        model.load_state_dict(state)
        figures[name] = evaluator(model)
    chosen = max(figures, key=lambda name: figures[name][METRIC])
    model.load_state_dict(offered[chosen])
    return figures[chosen], chosen


def copied(model: CrossEncoder) -> dict[str, Tensor]:
    """The model's weights as they are now, in main memory."""
    return {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}


def average(states: Sequence[State], shares: Sequence[float] | None = None) -> dict[str, Tensor]:
    """The mean of each tensor, computed in float32; integer buffers are taken from the last state.

    Args:
        states: At least one; all hold the same names and shapes.
        shares: The weight of each state, of sum 1; None: equal ones.
    """
    if shares is None:
        shares = [1 / len(states)] * len(states)
    mean = {}
    for name, last in states[-1].items():
        if last.is_floating_point():
            parts = [share * state[name].float() for share, state in zip(shares, states, strict=True)]
            mean[name] = torch.stack(parts).sum(0).to(last)
        else:
            mean[name] = last.clone()
    return mean
