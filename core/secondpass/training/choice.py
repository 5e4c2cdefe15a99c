"""The weights that a run keeps: its best checkpoint, or a mean that does better on the held-out sets.

The mean of several checkpoints is often better than each of them (Izmailov et al., 2018), and so is the mean with the
model that training began with, on texts unlike those it learned from (Wortsman et al., 2022).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import torch
from sentence_transformers.cross_encoder import CrossEncoder
from torch import Tensor

from secondpass.training.held_out import METRIC, HeldOut

# A model's tensors by name.
Weights: TypeAlias = Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class Choice:
    """The weights that a run keeps.

    Args:
        name: Which they are, in words.
        weights: In main memory.
        figures: Their held-out figures, by name.
    """

    name: str
    weights: Weights
    figures: Mapping[str, float]


def choose_weights(
    model: CrossEncoder, evaluator: HeldOut, last: Sequence[Path], base: Weights | None, base_share: float
) -> Choice:
    """The best of what a run has to offer. The model is evaluated with each, and has its own weights again afterwards.

    Args:
        model: With the weights of the best checkpoint.
        evaluator: The judge.
        last: Checkpoints whose mean is tried, if there are several.
        base: The weights that training began with, to be mixed in; None: they are not.
        base_share: How much of them, from 0.0 to 1.0.
    """
    own = copy_weights(model)
    candidates: dict[str, Weights] = {"best checkpoint": own}
    if len(last) > 1:
        states = [saved_weights(path, model) for path in last]
        candidates[f"mean of the last {len(last)} checkpoints"] = average(states)
    if base is not None:
        candidates |= {
            f"{name}, {base_share:g} of the base mixed in": average([base, weights], [base_share, 1 - base_share])
            for name, weights in candidates.items()
        }
    figures = {}
    for name, weights in candidates.items():
        model.load_state_dict(weights)
        figures[name] = evaluator(model)
    model.load_state_dict(own)
    best = max(figures, key=lambda name: figures[name][METRIC])
    return Choice(best, candidates[best], figures[best])


def saved_weights(folder: Path, model: CrossEncoder) -> Weights:
    """The weights of a checkpoint of `model` in float32; its code may run where the model's may."""
    saved = CrossEncoder(
        str(folder),
        device="cpu",
        trust_remote_code=model.trust_remote_code,
        model_kwargs={"dtype": torch.float32},
    )
    weights: Weights = saved.state_dict()
    return weights


def copy_weights(model: CrossEncoder) -> dict[str, Tensor]:
    """A copy of the model's weights as they are now, in main memory."""
    return {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}


def average(states: Sequence[Weights], shares: Sequence[float] | None = None) -> dict[str, Tensor]:
    """The mean of each tensor, computed in float32; integer buffers are taken from the last state.

    Args:
        states: At least one; all hold the same names and shapes.
        shares: The share of each state, of sum 1; None: equal ones.
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
