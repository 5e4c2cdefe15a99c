"""Tells how far a run is, on the trainer's own occasions."""

import time
from collections.abc import Mapping
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from secondpass.training.curve import course, held_out_of
from secondpass.training.grouped import GroupedCrossEncoder
from secondpass.training.progress import TrainingProgress, TrainingProgressCallback


class Reporter(TrainerCallback):
    """Tells how far a run is, after every step.

    Args:
        tell: Is told.
        minutes: The run's deadline, from the first step on; None: it has none.
    """

    def __init__(self, tell: TrainingProgressCallback, minutes: float | None) -> None:
        self._tell = tell
        self._end = None if minutes is None else time.monotonic() + 60 * minutes
        self._seconds, self._n_pairs, self._n_steps = 0.0, 0, 0
        self._begun: tuple[float, int] | None = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> TrainerControl:
        """The length is known now."""
        del args
        self._report(state, "training")
        return control

    def on_step_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **context: Any,  # noqa: ANN401 - the parent's
    ) -> TrainerControl:
        """Time of steps counts, that of evaluations does not."""
        del args, state
        self._begun = time.monotonic(), _pairs_seen(context)
        return control

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **context: Any,  # noqa: ANN401 - the parent's
    ) -> TrainerControl:
        """A step is done."""
        del args
        if self._begun is not None:
            started, n_pairs = self._begun
            self._seconds += time.monotonic() - started
            self._n_pairs += _pairs_seen(context) - n_pairs
            self._n_steps += 1
        self._report(state, "evaluating" if control.should_evaluate else "training")
        return control

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> TrainerControl:
        """New held-out figures."""
        del args
        self._report(state, "training")
        return control

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> TrainerControl:
        """A new loss, which is logged before the evaluation of its step."""
        del args
        self._report(state, "evaluating" if control.should_evaluate else "training")
        return control

    def _report(self, state: TrainerState, doing: str) -> None:
        rows = course(state.log_history)
        losses = [row["loss"] for row in rows if "loss" in row]
        judged = [figures for row in rows if (figures := held_out_of(row))]
        left = None
        if self._n_steps:
            left = self._seconds / self._n_steps * (state.max_steps - state.global_step)
            if self._end is not None:
                left = max(0.0, min(left, self._end - time.monotonic()))
        self._tell(
            TrainingProgress(
                doing=doing,
                step=state.global_step,
                n_steps=state.max_steps,
                loss=losses[-1] if losses else None,
                pairs_per_second=self._n_pairs / self._seconds if self._seconds else None,
                seconds_left=left,
                held_out=judged[-1] if judged else {},
            )
        )


def _pairs_seen(context: Mapping[str, Any]) -> int:
    model = context["model"]
    return model.n_pairs_trained if isinstance(model, GroupedCrossEncoder) else 0
