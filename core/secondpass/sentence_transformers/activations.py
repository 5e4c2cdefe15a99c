"""The activation of a checkpoint as sentence-transformers chooses it, and raw outputs turned into scores by any."""

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor, nn

from secondpass.arguments import describe
from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.score_activation import stated_activation
from secondpass.errors import CheckpointError, InputError, InputTypeError

Activation: TypeAlias = Callable[[Tensor], Tensor]
"""Raw outputs, shape (n_pairs, n_outputs), to scores of as many pairs."""


def default_activation(folder: Folder, n_outputs: int) -> Activation:
    """What the checkpoint names, else a sigmoid for one output and nothing for several.

    Only activations that torch itself has are looked up; nothing is imported for a checkpoint.

    Raises:
        CheckpointError: It names something else.
    """
    path = stated_activation(folder)
    if path is None:
        return nn.Sigmoid() if n_outputs == 1 else nn.Identity()
    module, _, name = path.rpartition(".") if isinstance(path, str) else ("", "", "")
    is_torchs = module == "torch.nn" or module.startswith("torch.nn.modules.")
    try:
        if is_torchs and (name == "Identity" or name in nn.modules.activation.__all__):
            activation: Activation = getattr(nn, name)()
            return activation
    except TypeError:  # one that cannot be made without arguments
        pass
    raise CheckpointError(
        f"{folder.name}: activation_fn must be an activation of torch.nn that needs no arguments, got {path!r}; "
        "give activation_fn=... to score it all the same"
    )


def check_activation(activation_fn: object) -> None:
    """Raise InputTypeError unless it is None or can be called with a tensor."""
    if activation_fn is not None and (not callable(activation_fn) or isinstance(activation_fn, type)):
        raise InputTypeError(
            f"activation_fn must be a function or a module such as Sigmoid(), got {describe(activation_fn)}"
        )


def scores_of(logits: Tensor, activation: Activation, *, apply_softmax: bool) -> Tensor:
    """Scores as sentence-transformers makes them.

    Args:
        logits: Raw outputs, float32. Shape: (n_pairs, n_outputs).
        activation: Applied first.
        apply_softmax: Make several outputs shares of 1 afterwards; changes nothing where there is one.

    Returns:
        Shape: (n_pairs,) for one output, else what the activation gives.

    Raises:
        InputError: The activation did not give a tensor with a row for each pair.
    """
    scores: object = activation(logits)
    if not isinstance(scores, Tensor) or scores.ndim == 0 or len(scores) != len(logits):
        raise InputError(f"activation_fn must give a row for each of {len(logits)} pairs, got {describe(scores)}")
    if logits.shape[1] == 1 and scores.ndim > 1:
        scores = scores.squeeze(-1)
    if apply_softmax and scores.ndim > 1:
        scores = torch.softmax(scores, dim=1)
    return scores
