"""What every contender is loaded with, and what loading gives."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from secondpass.errors import InputError
from secondpass.options import ModelOptions
from secondpass.ranking import Pair


@dataclass(frozen=True, slots=True)
class Setting:
    """What every contender is loaded with.

    Args:
        model: Hub id or local folder.
        device: Such as "cuda:0"; None leaves the choice to each library.
        max_length: Tokens per pair, special tokens included.
        batch_tokens: Tokens in one of our forward passes; None takes what suits the device.
        trust_remote_code: Allow code that the checkpoint brings along to run.
    """

    model: str
    device: str | None
    max_length: int
    batch_tokens: int | None = None
    trust_remote_code: bool = False


# Scores pairs: logits, in the order of the pairs. Shape: (n_pairs,).
ScoreFunction: TypeAlias = Callable[[Sequence[Pair]], NDArray[np.float32]]

# Loads a checkpoint once.
Loader: TypeAlias = Callable[[Setting], ScoreFunction]


def make_setting(
    model: str,
    *,
    device: str | None,
    max_length: int | None,
    batch_tokens: int | None,
    trust_remote_code: bool = False,
) -> Setting:
    """What every contender is loaded with.

    Args:
        model: Hub id, local folder, or the name of a bundled model.
        device: Where contenders run; None leaves the choice to each library.
        max_length: Tokens per pair; None takes the checkpoint's own limit.
        batch_tokens: Tokens in one of our forward passes; None takes what suits the device.
        trust_remote_code: Allow code that the checkpoint brings along to run.

    Raises:
        InputError: A number breaks a rule, this machine lacks the device, or the model has several labels, which
            contenders treat differently.
        CheckpointError: It cannot be scored.
    """
    from secondpass.checkpoint import load_checkpoint
    from secondpass.execution.devices import devices_for

    devices_for(device)  # or each contender would be left out, for the same reason
    options = ModelOptions(max_length=max_length, batch_tokens=batch_tokens, trust_remote_code=trust_remote_code)
    checkpoint = load_checkpoint(model, options)
    n_labels = len(checkpoint.model.labels)
    if n_labels != 1:
        raise InputError(f"model must have a head with one label, got {n_labels} in {model!r}")
    # Not the name: peers know neither bundled models nor both aliases of a hub id.
    return Setting(str(checkpoint.folder.path), device, checkpoint.max_length, batch_tokens, trust_remote_code)
