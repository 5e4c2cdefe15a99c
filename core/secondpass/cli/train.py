"""`secondpass train`: fine-tune a cross-encoder as a TOML file describes."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from secondpass.cli.loading import silence_transformers
from secondpass.cli.options import Json, Output, TrustRemoteCode
from secondpass.cli.output import output_format, write
from secondpass.cli.sheets import Column, Kind, Row, Sheet
from secondpass.files.printable import printable

if TYPE_CHECKING:
    from secondpass.training import TrainingProgress, TrainingProgressCallback, TrainingResult


def train(
    config: Annotated[Path, typer.Argument(help=escape("The run, in TOML: sections [model], [data] and [run]."))],
    format_: Output = None,
    json_: Json = False,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Fine-tune a cross-encoder; an interrupted run continues from its last checkpoint."""
    result_format = output_format(format_, json_)
    from secondpass.training import read_config
    from secondpass.training import train as run

    settings = read_config(config)
    silence_transformers()
    with redirect_stdout(sys.stderr), training_bar() as tell:  # standard output is for the result
        result = run(settings, trust_remote_code=trust_remote_code, progress=tell)
    content = {
        "folder": str(result.folder),
        "steps": result.steps,
        "n_steps_before": result.n_steps_before,
        "minutes": round(result.minutes, 3),
        "chosen": result.chosen,
        "base_held_out": dict(result.base_held_out),
        "held_out": dict(result.held_out),
    }
    write(result_format, content, [result_table(result)])


@contextmanager
def training_bar(console: Console | None = None) -> "Iterator[TrainingProgressCallback]":
    """What a run is doing, as a bar on standard error; where that is no terminal, a line for each new figure.

    Args:
        console: Where it is shown; None: standard error.
    """
    console = Console(stderr=True) if console is None else console
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[figures]}"),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task, shown = bar.add_task("starting", total=None, figures=""), ""

        def tell(progress: "TrainingProgress") -> None:
            nonlocal shown
            figures = figures_of(progress)
            total = progress.n_steps or None
            bar.update(task, description=progress.doing, completed=progress.step, total=total, figures=escape(figures))
            news = held_out_of(progress) or progress.doing
            if not console.is_terminal and news != shown:
                line = progress.doing if news == progress.doing else f"{progress.doing}: {news}"
                console.print(line, markup=False, highlight=False, soft_wrap=True)
            shown = news

        yield tell


def figures_of(progress: "TrainingProgress") -> str:
    """Loss, speed, time left and the last held-out figure: those that are known."""
    parts = [] if progress.loss is None else [f"loss {progress.loss:.4f}"]
    if progress.pairs_per_second is not None:
        parts.append(f"{progress.pairs_per_second:.1f} pairs/s")
    if progress.seconds_left is not None:
        parts.append(f"{timedelta(seconds=round(progress.seconds_left))} left")
    return ", ".join(parts + ([held_out_of(progress)] if progress.held_out else []))


def held_out_of(progress: "TrainingProgress") -> str:
    """The mean of the held-out figures that chooses the weights, and a teacher's agreement."""
    names = [name for name in progress.held_out if name.startswith("mean ") or name.endswith("_tau")]
    return ", ".join(f"{printable(name)} {progress.held_out[name]:.4f}" for name in names)


def result_table(result: "TrainingResult") -> Sheet:
    """The held-out figures before and after."""
    from secondpass.quantities import count, duration

    since = f" since step {result.n_steps_before}" if result.n_steps_before else ""
    rows = [Row((name, f"{result.base_held_out[name]:.4f}", f"{value:.4f}")) for name, value in result.held_out.items()]
    return Sheet(
        f"{count(result.steps, 'step')}, {duration(result.minutes)}{since}; saved: {result.chosen}",
        (Column("held-out set", Kind.NAME), Column("base"), Column("trained")),
        rows,
        f"checkpoint: {result.folder}",
    )
