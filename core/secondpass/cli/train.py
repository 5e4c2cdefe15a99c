"""`secondpass train`: fine-tune a cross-encoder as a TOML file describes."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text


def train(config: Annotated[Path, typer.Argument(help="The run: sections [model], [data] and [run].")]) -> None:
    """Fine-tune a cross-encoder; an interrupted run continues from its last checkpoint."""
    from secondpass.training import read_config
    from secondpass.training import train as run

    result = run(read_config(config))
    table = Table(title=f"{result.steps} steps, {result.minutes:.1f} minutes; saved: {result.chosen}")
    table.add_column("held-out set")
    table.add_column("value", justify="right")
    for name, value in result.held_out.items():
        table.add_row(Text(name), f"{value:.4f}")
    console = Console()
    console.print(table)
    console.print(Text(f"checkpoint: {result.folder}"), soft_wrap=True)
