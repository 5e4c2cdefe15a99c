"""A run's settings in the words of sentence-transformers' trainer."""

from pathlib import Path

import torch
from datasets import Dataset
from sentence_transformers.cross_encoder import CrossEncoderTrainingArguments
from torch import nn

from secondpass.training.config import RunConfig, TrainingConfig
from secondpass.training.curve import PREFIX, Curve
from secondpass.training.grouped import GroupedCrossEncoder
from secondpass.training.held_out import METRIC, HeldOut
from secondpass.training.schedule import Schedule
from secondpass.training.trainer import End, FiniteWeights, Intervals, Trainer

# Parameters that learn at `head_learning_rate`: heads as transformers names them.
HEAD = r"(pooler|classifier|score|classification_head|(^|\.)head)\."
# What transformers calls each decay; all three warm up first.
_DECAYS = {"linear": "linear", "cosine": "cosine", "constant": "constant_with_warmup"}


def make_trainer(
    config: TrainingConfig,
    model: GroupedCrossEncoder,
    rows: Dataset,
    loss: nn.Module,
    schedule: Schedule,
    evaluator: HeldOut | None,
    output: Path,
) -> Trainer:
    """The trainer of a run, and the folder it writes to.

    Args:
        config: All settings of the run.
        model: What learns.
        rows: The examples, in the columns that the loss learns from.
        loss: What it learns by.
        schedule: When it warms up, and is evaluated.
        evaluator: Judges it meanwhile; None where there are no held-out sets.
        output: The folder of the run's result; made if it is not there.
    """
    output.mkdir(parents=True, exist_ok=True)
    return Trainer(
        model=model,
        args=_arguments(config.run, schedule, output, prompt=_prompt(model), evaluated=evaluator is not None),
        train_dataset=rows,
        loss=loss,
        evaluator=evaluator,
        callbacks=[FiniteWeights(), Intervals(), End(config.run.minutes), Curve(output)],
    )


def _prompt(model: GroupedCrossEncoder) -> str | None:
    """What scoring puts before every query where nobody asks for another prompt; the trainer itself would put none."""
    name = model.default_prompt_name
    return None if name is None else model.prompts.get(name)


def _arguments(
    settings: RunConfig, schedule: Schedule, output: Path, *, prompt: str | None, evaluated: bool
) -> CrossEncoderTrainingArguments:
    head = settings.head_learning_rate
    return CrossEncoderTrainingArguments(
        output_dir=str(output / "checkpoints"),
        per_device_train_batch_size=settings.batch_size,
        num_train_epochs=settings.epochs,
        max_steps=-1 if settings.steps is None else settings.steps,
        learning_rate=settings.learning_rate,
        prompts=prompt,
        learning_rate_mapping={} if head is None else {HEAD: head},
        warmup_steps=schedule.warmup_steps,
        lr_scheduler_type=_DECAYS[settings.decay],
        weight_decay=settings.weight_decay,
        bf16=settings.bf16,
        use_cpu=not torch.cuda.is_available(),
        seed=settings.seed,
        data_seed=settings.seed,
        eval_strategy="steps" if evaluated else "no",
        eval_steps=schedule.evaluate_every,
        save_strategy="steps",
        save_steps=schedule.evaluate_every,
        save_total_limit=max(2, settings.average + 1),
        load_best_model_at_end=evaluated,
        metric_for_best_model=f"{PREFIX}{METRIC}" if evaluated else None,
        greater_is_better=True if evaluated else None,
        logging_steps=schedule.log_every,
        report_to=[],
        dataloader_pin_memory=torch.cuda.is_available(),
    )
