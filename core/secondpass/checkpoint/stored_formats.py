"""The number formats of the weights on disk: in integers or in 8 bits they mean nothing without their scales."""

import re
from collections.abc import Iterable

import torch

from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.tensor_headers import Header, all_headers
from secondpass.errors import CheckpointError

# As safetensors and torch call the 16-bit formats.
_HALVES = {
    "F16": torch.float16,
    "float16": torch.float16,
    "BF16": torch.bfloat16,
    "bfloat16": torch.bfloat16,
}
# As safetensors and torch call floating-point numbers that mean something without a scale, whatever float32 rounds.
_UNSCALED = ("F64", "F32", "F16", "BF16", "float64", "float32", "float16", "bfloat16")

# The files that are loaded; beside them may lie the same weights in another precision.
_LOADED = re.compile(r"(pytorch_)?model(-\d+-of-\d+)?\.(safetensors|bin)")


def check_formats(name: str, headers: Iterable[Header]) -> None:
    """Raise CheckpointError if weights that are loaded are quantised.

    Args:
        name: The checkpoint's.
        headers: Of all its weights.
    """
    quantised = next(filter(_is_quantised, headers), None)
    if quantised is not None:
        raise CheckpointError(
            f"{name}: weights must be float32, float16 or bfloat16, got {quantised.dtype} for {quantised.name}: "
            "quantised weights cannot be read"
        )


def is_stored_in_float16(folder: Folder) -> bool:
    """Whether all weights that are loaded are float16, so that none of them overflows in it."""
    return stored_half(folder) is torch.float16


def stored_half(folder: Folder) -> torch.dtype | None:
    """The 16-bit format of all weights that are loaded; None where they have another one, or several."""
    formats = {header.dtype for header in all_headers(folder) if _is_loaded(header) and header.dtype in _UNSCALED}
    halves = {_HALVES.get(name) for name in formats}
    return halves.pop() if len(halves) == 1 else None


def _is_loaded(header: Header) -> bool:
    return _LOADED.fullmatch(header.file.name) is not None


def _is_quantised(header: Header) -> bool:
    return _is_loaded(header) and header.name.endswith("weight") and header.dtype not in _UNSCALED
