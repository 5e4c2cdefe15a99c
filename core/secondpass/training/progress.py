"""What is known of a run while it goes on, for whoever shows it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """A run at one moment.

    Args:
        doing: What it is doing, in words: "training", "evaluating".
        step: Steps done, those before an interruption included.
        n_steps: Steps of the whole run; 0: not known yet.
        loss: The mean training loss since the one before it; None: none is known yet.
        pairs_per_second: Pairs learned from per second of training; None: not known yet.
        seconds_left: Until the last step, or the deadline if that is earlier, at this speed; None: not known yet.
        held_out: The last held-out figures, by name.
    """

    doing: str
    step: int = 0
    n_steps: int = 0
    loss: float | None = None
    pairs_per_second: float | None = None
    seconds_left: float | None = None
    held_out: Mapping[str, float] = field(default_factory=dict)


# Told of a run whenever there is something new.
TrainingProgressCallback: TypeAlias = Callable[[TrainingProgress], None]
