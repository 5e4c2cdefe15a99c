"""`secondpass models`: the checkpoints this package knows by name."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from secondpass.cli.options import Json, Output
from secondpass.cli.output import output_format, write
from secondpass.cli.sheets import Column, Kind, Row, Sheet

if TYPE_CHECKING:
    from secondpass.checkpoint.known import KnownCheckpoint


def models(format_: Output = None, json_: Json = False) -> None:
    """List known checkpoints with their published figures. Any other checkpoint of their architectures works, too."""
    from secondpass.checkpoint.known import known_checkpoints

    known = known_checkpoints()
    write(output_format(format_, json_), [_row(checkpoint) for checkpoint in known], [models_sheet(known)])


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


def models_sheet(rows: "Sequence[KnownCheckpoint]") -> Sheet:
    """A checkpoint per row, with the figures its card publishes."""
    columns = (
        Column("checkpoint", Kind.NAME),
        Column("kind", Kind.NAME),
        Column("architecture", Kind.NAME),
        Column("million weights"),
        Column("languages", Kind.NAME),
        Column("tokens"),
        Column("published", Kind.NAME),
        Column("source", Kind.NAME),
    )
    return Sheet(
        "Known checkpoints",
        columns,
        [
            Row(
                (
                    known.name,
                    known.kind,
                    known.architecture,
                    f"{known.parameters:.1f}",
                    known.languages,
                    str(known.max_length),
                    "\n".join(f"{value:.2f} {measure}" for measure, value in known.published.items()),
                    known.source,
                )
            )
            for known in rows
        ],
        "Figures in percent, as the model cards report them.",
    )
