"""What several commands ask in the same words."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from secondpass import options

if TYPE_CHECKING:
    from secondpass import CrossEncoder

ModelName: TypeAlias = Annotated[str, typer.Option("--model", "-m", help="Hub id, folder, or bundled model.")]
Device: TypeAlias = Annotated[str | None, typer.Option(help="Such as cpu or cuda:0.", show_default="the best there is")]
DType: TypeAlias = Annotated[
    options.DType | None,
    typer.Option("--dtype", help="Arithmetic of the transformer.", show_default="float32 on a CPU"),
]
MaxLength: TypeAlias = Annotated[
    int | None, typer.Option(help="Tokens of a pair, special tokens included.", show_default="the checkpoint's own")
]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Write JSON, as always when the output is piped.")]

DEFAULT_MODEL = "secondpass/mini"


def load_quietly(
    model: str,
    *,
    device: str | None = None,
    dtype: options.DType | None = None,
    max_length: int | None = None,
) -> "CrossEncoder":
    """The model, without transformers' bars and reports: in a command of our own, the terminal is ours."""
    from secondpass import CrossEncoder

    _be_quiet()
    return CrossEncoder(model, device=device, dtype=dtype, max_length=max_length)


def find_models(names: Iterable[str]) -> None:
    """Every model's files on disk, downloaded if need be: a wrong name shows before hours go into the model before it.

    Raises:
        CheckpointNotFoundError: Nothing has one of these names.
    """
    from secondpass.checkpoint.source import find
    from secondpass.options import HubOptions

    _be_quiet()
    for name in names:
        find(name, HubOptions())


def _be_quiet() -> None:
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
