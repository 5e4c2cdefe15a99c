"""What goes on from stage to stage: the best so many, or those within a margin of the best one."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from secondpass.arguments import describe
from secondpass.errors import InputError, InputTypeError
from secondpass.ranking import RankedDocument

# The most that rounding to single precision adds to the distance of two probabilities: 0.3 and 0.1 lie within 0.2.
_ROUNDING = 2.0**-23


def check_keep(keep: object, n_steps: int) -> tuple[float, ...]:
    """One number for every stage but the last; raise InputError unless they keep the rules of `Cascade`."""
    if isinstance(keep, str | bytes) or not isinstance(keep, Sequence):
        return (_check_step(keep, "keep"),) * n_steps
    if len(keep) != n_steps:
        raise InputError(f"keep must have one number for each stage but the last, which are {n_steps}, got {len(keep)}")
    steps = tuple(_check_step(step, f"keep[{number}]") for number, step in enumerate(keep))
    counts = [step for step in steps if isinstance(step, int)]
    if any(later > earlier for earlier, later in pairwise(counts)):
        raise InputError(f"keep must not grow from stage to stage, got {list(keep)}")
    return steps


def count_within_margin(margin: float, stage: int, ranked: Sequence[RankedDocument]) -> int:
    """How many of a stage's documents score at most so much less than its best one.

    Args:
        margin: In probability.
        stage: The stage's number.
        ranked: Its documents, at least one, best first.

    Raises:
        InputError: Scores are no probabilities.
    """
    _check_probabilities(margin, stage, ranked)
    return sum(ranked[0].score - document.score <= margin + _ROUNDING for document in ranked)


def _check_step(step: object, name: str) -> float:
    rule = f"{name} must be an integer of at least 1, or a margin between 0.0 and 1.0"
    if isinstance(step, bool) or not isinstance(step, int | float | np.integer | np.floating):
        raise InputTypeError(f"{rule}, got {describe(step)}")
    if isinstance(step, int | np.integer):
        if step < 1:
            raise InputError(f"{rule}, got {step}")
        return int(step)
    if not 0 < step < 1:
        raise InputError(f"{rule}, got {step}")
    return float(step)


def _check_probabilities(margin: float, stage: int, ranked: Sequence[RankedDocument]) -> None:
    for document in (ranked[0], ranked[-1]):
        if not 0 <= document.score <= 1:
            raise InputError(
                f"keep must be an integer where scores are no probabilities: {margin} is a margin from 0.0 to 1.0, and "
                f"scorers[{stage}] gave {document.score}"
            )
