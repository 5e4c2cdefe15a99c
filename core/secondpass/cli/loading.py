"""How commands load models: without transformers' progress bars and reports, for the terminal shows the command's."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from secondpass.options import DType, HubOptions

if TYPE_CHECKING:
    from secondpass import CrossEncoder


def load_quietly(
    model: str,
    *,
    device: str | None = None,
    dtype: DType | None = None,
    max_length: int | None = None,
) -> "CrossEncoder":
    """The model, as `CrossEncoder` loads it."""
    from secondpass import CrossEncoder

    silence_transformers()
    return CrossEncoder(model, device=device, dtype=dtype, max_length=max_length)


def find_models(names: Iterable[str]) -> None:
    """Get every model's files onto the disk: a wrong name shows before hours go into the models ahead of it.

    Raises:
        CheckpointNotFoundError: Nothing has one of these names.
    """
    from secondpass.checkpoint.source import find

    silence_transformers()
    for name in names:
        find(name, HubOptions())


def silence_transformers() -> None:
    """Switch off transformers' progress bars, and its messages but for errors."""
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
