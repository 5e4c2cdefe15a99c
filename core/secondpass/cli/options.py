"""Options that several commands share."""

from typing import Annotated, TypeAlias

import typer

from secondpass import options

ModelName: TypeAlias = Annotated[str, typer.Option("--model", "-m", help="Hub id, folder, or bundled model.")]
Device: TypeAlias = Annotated[str | None, typer.Option(help="Such as cpu or cuda:0.", show_default="the best there is")]
DType: TypeAlias = Annotated[
    options.DType | None,
    typer.Option("--dtype", help="Arithmetic of the transformer.", show_default="float32 on a CPU"),
]
MaxLength: TypeAlias = Annotated[
    int | None, typer.Option(help="Tokens per pair, special tokens included.", show_default="the checkpoint's own")
]
Json: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Write JSON, as is always done when the output is piped.")
]

# What commands load where no model is named: it is in the package.
DEFAULT_MODEL = "secondpass/mini"
