"""`secondpass train`: fine-tune a cross-encoder as a TOML file describes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from secondpass.training import TrainingResult


def train(config: Annotated[Path, typer.Argument(help="The run: sections [model], [data] and [run].")]) -> None:
    """Fine-tune a cross-encoder; an interrupted run continues from its last checkpoint."""
    from secondpass.training import read_config
    from secondpass.training import train as run

    result = run(read_config(config))
    console = Console()
    console.print(result_table(result))
    console.print(_text(f"checkpoint: {result.folder}"), soft_wrap=True)


def result_table(result: "TrainingResult") -> Table:
    """The held-out figures before and after."""
    from secondpass.training.words import counted, duration

    steps, time = counted(result.steps, "step"), duration(result.minutes)
    table = Table(title=f"{steps}, {time}; saved: {result.chosen}")
    table.add_column("held-out set")
    table.add_column("base", justify="right")
    table.add_column("trained", justify="right")
    for name, value in result.held_out.items():
        table.add_row(_text(name), f"{result.base_held_out[name]:.4f}", f"{value:.4f}")
    return table


def _text(name: str) -> Text:
    """A name as a terminal can show it: files' names may hold bytes that are not text."""
    return Text(name.encode(errors="backslashreplace").decode())
