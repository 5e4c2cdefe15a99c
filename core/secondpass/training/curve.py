"""The course of a run: losses and held-out figures by step, as a table and as a picture."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from secondpass.pictures import empty_figure, legend_entry, write_picture

# What stands before a held-out figure's name in the trainer's log, and the figures of its own that have it too.
PREFIX = "eval_"
_OF_THE_TRAINER = ("runtime", "samples_per_second", "steps_per_second", "loss")
# A step, its epoch, and each figure known at that step.
Row = Mapping[str, float]
# The columns that are not held-out figures, in order.
_FIRST = ("epoch", "step", "loss")
# What the picture says it was made with, by which the next run knows it.
_SOFTWARE = "secondpass"


def course(history: Sequence[Mapping[str, float]]) -> list[Row]:
    """A row per step that something is known of, in order.

    Args:
        history: `TrainerState.log_history`, which also knows what came before an interruption.
    """
    rows: dict[int, dict[str, float]] = {}
    for entry in history:
        figures = {"loss": entry["loss"]} if "loss" in entry else {}
        figures |= {
            name.removeprefix(PREFIX): value
            for name, value in sorted(entry.items())  # as a checkpoint gives them back
            if name.startswith(PREFIX) and name.removeprefix(PREFIX) not in _OF_THE_TRAINER
        }
        if figures:
            step = int(entry["step"])
            rows.setdefault(step, {"epoch": entry["epoch"], "step": step}).update(figures)
    return [rows[step] for step in sorted(rows)]


def names_of(rows: Sequence[Row]) -> list[str]:
    """The columns: epoch, step, the training loss if one is known, then the held-out figures."""
    names = dict.fromkeys(name for row in rows for name in row)
    return [name for name in _FIRST if name in names] + [name for name in names if name not in _FIRST]


def held_out_of(row: Row) -> dict[str, float]:
    """The held-out figures of a step; none where it was not evaluated."""
    return {name: value for name, value in row.items() if name not in _FIRST}


def write_curve(folder: Path, rows: Sequence[Row]) -> None:
    """Write `curve.csv` and `curve.png` into the checkpoint's folder; nothing where nothing is known yet."""
    if not rows:
        return
    with (folder / "curve.csv").open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        table = csv.DictWriter(file, names_of(rows))
        table.writeheader()
        table.writerows(rows)
    _draw(folder / "curve.png", rows)


class Curve(TrainerCallback):
    """Writes the curve whenever a checkpoint is written, so that it can be looked at before the run is over."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> TrainerControl:
        """Write what is known so far."""
        del args
        write_curve(self._folder, course(state.log_history))
        return control


def _draw(path: Path, rows: Sequence[Row]) -> None:
    """The loss above, the held-out figures below."""
    held_out = [name for name in names_of(rows) if name not in _FIRST]
    figure = empty_figure("", (8, 7 if held_out else 4), extra="train")
    axes = figure.subplots(2 if held_out else 1, 1, sharex=True, squeeze=False)[:, 0]
    for ax, names, title in zip(axes, (["loss"], held_out), ("training loss", "held-out figures"), strict=False):
        for name in names:
            points = [(row["step"], row[name]) for row in rows if name in row]
            if points:
                ax.plot(*zip(*points, strict=True), marker=".", label=legend_entry(name))
        ax.set_title(title)
        ax.grid(alpha=0.3)
    if held_out:
        axes[-1].legend(fontsize="small")
    axes[-1].set_xlabel("step")
    write_picture(figure, path, software=_SOFTWARE)
