"""How commands load models: without transformers' progress bars and reports, for the terminal shows the command's."""

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from secondpass.adapters.services import is_url, scorer_at
from secondpass.options import HubOptions, ModelOptions
from secondpass.ranking import Scorer

if TYPE_CHECKING:
    from secondpass import CrossEncoder
    from secondpass.checkpoint.folder import Folder


def load_quietly(model: str, options: ModelOptions) -> "CrossEncoder":
    """The model, as `CrossEncoder` loads it."""
    from secondpass import CrossEncoder

    silence_transformers()
    return CrossEncoder.from_options(model, options)


def scorer_of(model: str, options: ModelOptions) -> Scorer:
    """The model, or the service at its address, whose API key is the token."""
    return scorer_at(model, options) if is_url(model) else load_quietly(model, options)


def find_models(names: Iterable[str], hub: HubOptions) -> "list[Folder]":
    """Get every model's files onto the disk: a wrong name shows before hours go into the models ahead of it.

    Raises:
        CheckpointNotFoundError: Nothing has one of these names.
    """
    from secondpass.checkpoint.source import find

    silence_transformers()
    return [find(name, hub) for name in names]


def silence_transformers() -> None:
    """Switch off transformers' progress bars, and its messages but for errors; it is not imported for that."""
    from huggingface_hub.utils.tqdm import disable_progress_bars

    # What transformers takes over when it is imported, which takes seconds and which most checkpoints do not need.
    os.environ["TRANSFORMERS_VERBOSITY"] = "error"
    disable_progress_bars()
    if "transformers" in sys.modules:
        from transformers.utils import logging

        logging.set_verbosity_error()
        logging.disable_progress_bar()
