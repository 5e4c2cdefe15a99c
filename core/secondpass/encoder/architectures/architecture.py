"""What a architecture is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from secondpass.encoder.names import NameTable
from secondpass.encoder.spec import EncoderSpec


@dataclass(frozen=True, slots=True)
class Architecture:
    """How one kind of transformers model becomes our encoder.

    Args:
        names: Its parameters' names and ours.
        spec: Reads its config; None for an option that the packed encoder does not have, never a guess.
    """

    names: NameTable
    spec: Callable[[Any], EncoderSpec | None]
