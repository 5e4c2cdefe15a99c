"""Options that several commands share."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from secondpass import options
from secondpass.cli.output import OutputFormat

ModelName: TypeAlias = Annotated[str, typer.Option("--model", "-m", help="Hub id, folder, or bundled model.")]
ModelOrService: TypeAlias = Annotated[
    str, typer.Option("--model", "-m", help="Hub id, folder, bundled model, or http(s) URL of a service.")
]
Device: TypeAlias = Annotated[str | None, typer.Option(help="Such as cpu or cuda:0.", show_default="the best there is")]
DType: TypeAlias = Annotated[
    options.DType | None,
    typer.Option("--dtype", help="Arithmetic of the transformer.", show_default="float32 on a CPU"),
]
MaxLength: TypeAlias = Annotated[
    int | None, typer.Option(help="Tokens per pair, special tokens included.", show_default="the checkpoint's own")
]

_SCORES = "How the model scores"
Activation: TypeAlias = Annotated[
    options.ActivationName | None,
    typer.Option(help="From logit to score.", show_default="the checkpoint's own", rich_help_panel=_SCORES),
]
Instruction: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="What to look for, for models whose prompt has a place for it.",
        show_default="the checkpoint's own",
        rich_help_panel=_SCORES,
    ),
]
Label: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="Of several labels, the one that means relevant: its name or number.",
        show_default="the checkpoint's own",
        rich_help_panel=_SCORES,
    ),
]
BatchTokens: TypeAlias = Annotated[
    int | None,
    typer.Option(help="Tokens of one forward pass.", show_default="the device's", rich_help_panel=_SCORES),
]

_HUB = "Where the model comes from"
Revision: TypeAlias = Annotated[
    str | None, typer.Option(help="Branch, tag or commit on the hub.", show_default="main", rich_help_panel=_HUB)
]
Token: TypeAlias = Annotated[
    str | None,
    typer.Option(help="Access token for the hub.", show_default="the one of hf auth login", rich_help_panel=_HUB),
]
CacheDir: TypeAlias = Annotated[
    Path | None,
    typer.Option(help="Where downloads are kept.", show_default="huggingface_hub's place", rich_help_panel=_HUB),
]
LocalFilesOnly: TypeAlias = Annotated[
    bool, typer.Option("--local-files-only", help="Never ask the network.", rich_help_panel=_HUB)
]
TrustRemoteCode: TypeAlias = Annotated[
    bool, typer.Option("--trust-remote-code", help="Let code of the checkpoint run.", rich_help_panel=_HUB)
]

Output: TypeAlias = Annotated[
    OutputFormat | None,
    typer.Option("--format", help="What to write.", show_default="table on a terminal, json in a pipe"),
]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="The same as --format json.")]

# What commands load where no model is named: it is in the package.
DEFAULT_MODEL = "secondpass/mini"


def label_of(text: str | None) -> int | str | None:
    """What `--label` names: a number means the label's index."""
    return int(text) if text is not None and text.isdecimal() else text
