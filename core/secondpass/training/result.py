"""What a training run gave."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """What a run gave.

    Args:
        folder: The saved checkpoint.
        steps: Optimiser steps done, earlier parts of a resumed run included.
        minutes: Time of this part.
        held_out: NDCG@10 a held-out set, and their mean; empty without sets.
        chosen: Which weights were saved, in words: "best checkpoint", "mean of the last 2 checkpoints".
    """

    folder: Path
    steps: int
    minutes: float
    held_out: Mapping[str, float]
    chosen: str
