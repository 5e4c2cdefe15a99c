"""`secondpass train`: fine-tune a cross-encoder as a TOML file describes."""

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from secondpass.cli.options import Json, Output, TrustRemoteCode
from secondpass.cli.output import check_output_folder, output_format, write
from secondpass.cli.sheets import Column, Kind, Row, Sheet

if TYPE_CHECKING:
    from secondpass.training import TrainingResult


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
    check_output_folder(settings.folder / settings.run.output, "run.output")
    with redirect_stdout(sys.stderr):  # where the trainer reports: standard output is for the result
        result = run(settings, trust_remote_code=trust_remote_code)
    content = {
        "folder": str(result.folder),
        "steps": result.steps,
        "minutes": round(result.minutes, 3),
        "chosen": result.chosen,
        "base_held_out": dict(result.base_held_out),
        "held_out": dict(result.held_out),
    }
    write(result_format, content, [result_table(result)])


def result_table(result: "TrainingResult") -> Sheet:
    """The held-out figures before and after."""
    from secondpass.training.words import counted, duration

    rows = [Row((name, f"{result.base_held_out[name]:.4f}", f"{value:.4f}")) for name, value in result.held_out.items()]
    return Sheet(
        f"{counted(result.steps, 'step')}, {duration(result.minutes)}; saved: {result.chosen}",
        (Column("held-out set", Kind.NAME), Column("base"), Column("trained")),
        rows,
        f"checkpoint: {result.folder}",
    )
