"""The result of a training run."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """The result of a training run.

    Args:
        folder: The saved checkpoint.
        steps: Optimizer steps done, those before an interruption included.
        minutes: Time since the run was started or continued.
        held_out: Per held-out set MAP, MRR@10 and NDCG@10 (with `bce` also loss, accuracy and F1 of its single pairs),
            or Kendall's tau and NDCG@10 by the teacher of its lists; and the mean NDCG@10. Empty without sets.
        chosen: Which weights were saved, in words: "best checkpoint", "mean of the last 2 checkpoints".
        base_held_out: As `held_out`, of the base before the first step; where it had no head, its new one is random.
        n_steps_before: Those of `steps` that were done before the run was continued, of which `minutes` knows nothing.
    """

    folder: Path
    steps: int
    minutes: float
    held_out: Mapping[str, float]
    chosen: str
    base_held_out: Mapping[str, float]
    n_steps_before: int = 0
