"""`secondpass models`: the checkpoints this package knows by name."""

import json
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.table import Table

from secondpass.cli.options import Json
from secondpass.cli.output import writes_json

if TYPE_CHECKING:
    from secondpass.checkpoint.known import KnownCheckpoint


def models(json_: Json = False) -> None:
    """List known checkpoints with their published figures. Any other checkpoint of their architectures works, too."""
    from secondpass.checkpoint.known import known_checkpoints

    if writes_json(json_):
        typer.echo(json.dumps([_row(known) for known in known_checkpoints()], indent=2))
    else:
        Console().print(_table(known_checkpoints()))


def _row(known: "KnownCheckpoint") -> dict[str, object]:
    """A checkpoint in JSON: the keys are part of the command's output."""
    return {
        "name": known.name,
        "kind": known.kind,
        "architecture": known.architecture,
        "parameters": known.parameters,
        "languages": known.languages,
        "max_length": known.max_length,
        "source": known.source,
        "published": dict(known.published),
        "label": known.label,
        "layout": known.layout,
        "tokenizer": known.tokenizer,
    }


def _table(rows: "tuple[KnownCheckpoint, ...]") -> Table:
    table = Table(title="Known checkpoints", caption="Figures in percent, as the model cards report them.")
    table.add_column("checkpoint", overflow="fold", min_width=40)
    table.add_column("kind", min_width=5)
    table.add_column("architecture")
    table.add_column("million\nweights", justify="right")
    table.add_column("languages")
    table.add_column("tokens", justify="right")
    table.add_column("published", overflow="fold")
    table.add_column("source", overflow="fold")
    for known in rows:
        figures = "\n".join(f"{value:.2f} {measure}" for measure, value in known.published.items())
        table.add_row(
            known.name,
            known.kind,
            known.architecture,
            f"{known.parameters:.1f}",
            known.languages,
            str(known.max_length),
            figures,
            known.source,
        )
    return table
