"""One training run from start to saved checkpoint, on sentence-transformers' trainer."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from datasets import Dataset
from transformers import PrinterCallback, ProgressCallback, TrainerState

from secondpass.arguments import check_unicode
from secondpass.errors.caller_warnings import warn_caller
from secondpass.extras import require_matplotlib
from secondpass.quantities import count
from secondpass.training import resuming
from secondpass.training.base_model import find_base, load_base_model
from secondpass.training.card import write_card
from secondpass.training.choice import choose_weights, copy_weights, saved_weights
from secondpass.training.config import RunConfig, TrainingConfig
from secondpass.training.curve import PREFIX, course, write_curve
from secondpass.training.data import load_data
from secondpass.training.examples import Example
from secondpass.training.held_out import HeldOut, given_order, keep_until
from secondpass.training.make_trainer import make_trainer
from secondpass.training.output_folder import check_output
from secondpass.training.precision import check_bf16, tf32_products, training_device
from secondpass.training.progress import TrainingProgress, TrainingProgressCallback
from secondpass.training.randomness import seeded
from secondpass.training.recipes import RECIPES, pos_weight
from secondpass.training.reporter import Reporter
from secondpass.training.result import TrainingResult
from secondpass.training.saved_model import save
from secondpass.training.schedule import Schedule
from secondpass.training.trainer import Trainer


def run(
    config: TrainingConfig, *, trust_remote_code: bool = False, progress: TrainingProgressCallback | None = None
) -> TrainingResult:
    """Train, choose the best weights by the held-out sets, save, write the card.

    A run that was interrupted continues from its last checkpoint, if it is still the same run: only its length, and how
    often it is evaluated, may have changed. One that has done its steps is evaluated and saved again.

    Args:
        config: All settings.
        trust_remote_code: Allow the base to run code of its own.
        progress: Told of the run after every step; None: the trainer shows its own bar.

    Raises:
        RemoteCodeError: The base asks to run code of its own, and `trust_remote_code` is False.
        InputError: Data or settings break a rule, or are not those that the checkpoints were begun with.
        CheckpointError: The base is not there, or cannot be trained.
        ScoringError: The loss, the weights or a held-out score is not a finite number; the message says at which step.
    """
    require_matplotlib("train")
    if config.run.bf16:
        check_bf16(training_device())
    with seeded(config.run.seed), tf32_products():
        return _run(config, trust_remote_code=trust_remote_code, progress=progress)


def _run(
    config: TrainingConfig, *, trust_remote_code: bool, progress: TrainingProgressCallback | None
) -> TrainingResult:
    started = time.monotonic()
    output = config.folder / config.run.output
    check_unicode(str(output), "the path of run.output")
    check_output(config)
    _tell(progress, "reading the data")
    examples, sets = load_data(config)
    recipe = RECIPES[config.run.loss]
    rows = Dataset.from_dict(recipe.columns(examples))
    settings = _complete(config.run, examples)
    _tell(progress, "loading the base")
    base = find_base(config.model.base, config.folder, trust_remote_code=trust_remote_code)
    last = resuming.find_checkpoint(config, examples, sets, output, base)
    model = load_base_model(config.model, base, trust_remote_code=trust_remote_code)
    base_weights = copy_weights(model) if config.run.base_share > 0 else None
    judge = HeldOut(sets, pos_weight=settings.pos_weight)
    if sets:
        _tell(progress, "evaluating the base")
    base_held_out = judge(model, steps=0) if sets else {}
    schedule = Schedule.of(config.run, len(rows), n_devices=max(1, torch.cuda.device_count()))
    _warn_of_warmup(schedule)
    log, n_steps_before = output / "held_out.jsonl", 0 if last is None else resuming.steps_of(last)
    keep_until(log, n_steps_before)
    evaluator = HeldOut(sets, log, pos_weight=settings.pos_weight, prefix=PREFIX) if sets else None
    trainer = make_trainer(config, model, rows, recipe.build(model, settings), schedule, evaluator, output)
    if progress is not None:
        trainer.add_callback(Reporter(progress, config.run.minutes))
        for bar in (ProgressCallback, PrinterCallback):
            trainer.remove_callback(bar)
    _train(trainer, config, last, is_over=n_steps_before >= schedule.n_steps)
    model.eval()
    held_out: Mapping[str, float] = {}
    chosen = "last checkpoint"
    if sets:
        to_average = resuming.complete_checkpoints(output)[-config.run.average :]
        _tell(progress, "choosing the weights")
        choice = choose_weights(model, judge, to_average, base_weights, config.run.base_share)
        model.load_state_dict(choice.weights)
        held_out, chosen = choice.figures, choice.name
    saved_max_length = config.model.saved_max_length
    save(model, output, max_length=config.model.max_length if saved_max_length is None else saved_max_length)
    minutes = (time.monotonic() - started) / 60
    result = TrainingResult(output, trainer.state.global_step, minutes, held_out, chosen, base_held_out, n_steps_before)
    rows_of_course = course(trainer.state.log_history)
    write_curve(output, rows_of_course)
    write_card(
        output,
        replace(config, run=settings),
        result,
        n_examples=len(examples),
        rows=rows_of_course,
        given=given_order(sets),
    )
    return result


def _complete(settings: RunConfig, examples: Sequence[Example]) -> RunConfig:
    """The settings with the weight of positives that the data asks for, where none is given."""
    if settings.loss != "bce":
        return settings
    balanced = pos_weight(examples)  # a given weight is no way around data of one side
    return replace(settings, pos_weight=balanced if settings.pos_weight is None else settings.pos_weight)


def _warn_of_warmup(schedule: Schedule) -> None:
    if schedule.warmup_steps >= schedule.n_steps:
        warn_caller(
            f"the run ends after {count(schedule.n_steps, 'step')}, in its warm-up of {schedule.warmup_steps}: it "
            "never learns at its full rates",
            UserWarning,
        )


def _tell(progress: TrainingProgressCallback | None, doing: str) -> None:
    if progress is not None:
        progress(TrainingProgress(doing))


def _train(trainer: Trainer, config: TrainingConfig, last: Path | None, *, is_over: bool) -> None:
    """Train from a run's last checkpoint on, if it has one; a run that has done its steps is what it was at its end."""
    if last is None:
        trainer.train()
    elif is_over:
        _restore(trainer, last)
    else:
        resuming.check_groups(last, trainer.create_optimizer().param_groups, config)
        trainer.train(resume_from_checkpoint=str(last))


def _restore(trainer: Trainer, last: Path) -> None:
    """Restore what a run had when it ended: its state, and its best weights, or its last ones without held-out sets.

    The trainer, asked to continue such a run, would take one step more.
    """
    trainer.state = TrainerState.load_from_json(str(last / "trainer_state.json"))
    best = trainer.state.best_global_step
    folder = last if best is None else last.with_name(f"checkpoint-{best}")
    trainer.model.load_state_dict(saved_weights(folder, trainer.model))
