"""sentence-transformers' trainer, which ends a run that diverges, and one whose time is over."""

import math
import time
from pathlib import Path
from typing import Any

import torch
from sentence_transformers.cross_encoder import CrossEncoderTrainer
from torch import Tensor, nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from secondpass.errors import ScoringError


class Trainer(CrossEncoderTrainer):
    """The trainer, which ends a run at the first loss that is not a finite number.

    transformers would log the mean of the losses before it, or 0.0, and go on with weights that are NaN.
    """

    def training_step(self, *args: Any, **kwargs: Any) -> Tensor:  # noqa: ANN401 - the parent's
        """The loss of a step, as the parent computes it.

        Raises:
            ScoringError: It is NaN or infinite.
        """
        loss = super().training_step(*args, **kwargs)
        value = float(loss)
        if not math.isfinite(value):
            raise _diverged(f"the loss is {value}", self.state.global_step + 1, self.args, self.state)
        return loss


class FiniteWeights(TrainerCallback):
    """Ends a run after the first step that leaves weights which are not finite, before they are saved."""

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **context: Any,  # noqa: ANN401 - the parent's
    ) -> TrainerControl:
        """Look at the weights.

        Raises:
            ScoringError: Some are NaN or infinite.
        """
        model: nn.Module = context["model"]
        learned = [parameter.detach() for parameter in model.parameters() if parameter.requires_grad]
        # In double precision a sum is finite exactly where all its values are.
        sums = torch.stack([weights.sum(dtype=torch.float64) for weights in learned]) if learned else torch.zeros(1)
        if not bool(sums.isfinite().all()):
            raise _diverged("weights are no longer finite", state.global_step, args, state)
        return control


class Intervals(TrainerCallback):
    """Evaluates, saves and logs as often as a run says now.

    transformers takes what the checkpoint was written with where a run continues, and warns.
    """

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> TrainerControl:
        """Put the arguments' intervals in place of the checkpoint's."""
        state.compute_steps(args, state.max_steps)
        return control


class End(TrainerCallback):
    """Ends a run when its time is over; whatever a run ends with is evaluated and saved.

    Args:
        minutes: From now on; None: only its steps end it.
    """

    def __init__(self, minutes: float | None) -> None:
        self._end = math.inf if minutes is None else time.monotonic() + 60 * minutes

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> TrainerControl:
        """Look at the clock and at the number of steps."""
        if time.monotonic() > self._end or state.global_step >= state.max_steps:
            control.should_training_stop = control.should_save = True
            control.should_evaluate = args.eval_strategy != "no"
        return control


def _diverged(what: str, step: int, args: TrainingArguments, state: TrainerState) -> ScoringError:
    folder = Path(str(args.output_dir))
    saved = f"checkpoints before it are in {folder}" if any(folder.glob("checkpoint-*")) else "no checkpoint is saved"
    lower = "a lower run.learning_rate" + (", or run.bf16 = false," if args.bf16 else "")
    return ScoringError(f"{what} at step {step} of {state.max_steps}: {lower} may keep it finite; {saved}")
