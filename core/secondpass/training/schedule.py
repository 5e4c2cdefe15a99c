"""How long a run is, and how often it is looked at on the way."""

import math
from dataclasses import dataclass
from typing import Self

from secondpass.training.config import RunConfig

# Looks at a whole run where nobody says how many, and the most steps between two: an evaluation takes its time, but
# what a long run loses when it is killed takes more.
_EVALUATIONS, _MOST_STEPS_BETWEEN = 10, 500
# Losses that a run logs, and the most steps between two.
_LOGS, _MOST_STEPS_BETWEEN_LOGS = 20, 50


@dataclass(frozen=True, slots=True)
class Schedule:
    """The steps of a run.

    Args:
        n_steps: All of them, where no deadline ends it earlier.
        evaluate_every: Steps between evaluations, each of which also writes a checkpoint.
        log_every: Steps between the losses that are logged.
        warmup_steps: Steps in which the rates grow from 0.
    """

    n_steps: int
    evaluate_every: int
    log_every: int
    warmup_steps: int = 0

    @classmethod
    def of(cls, config: RunConfig, n_rows: int, *, n_devices: int = 1) -> Self:
        """The schedule of a run.

        Args:
            config: Its settings.
            n_rows: What one pass over the data has: lists, or pairs for `bce`.
            n_devices: Each of them takes a batch of its own.
        """
        steps_per_epoch = max(1, math.ceil(n_rows / (config.batch_size * n_devices)))
        n_steps = math.ceil(config.epochs * steps_per_epoch) if config.steps is None else config.steps
        evaluate_every = config.evaluate_every
        if evaluate_every is None:
            evaluate_every = min(math.ceil(n_steps / _EVALUATIONS), _MOST_STEPS_BETWEEN)
        log_every = max(1, min(n_steps // _LOGS, _MOST_STEPS_BETWEEN_LOGS))
        # Only one of the two is given.
        return cls(n_steps, evaluate_every, log_every, config.warmup_steps + math.ceil(config.warmup_share * n_steps))
