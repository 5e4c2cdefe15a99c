"""What a config states about sizes, held against the weights on disk before anything of that size is built.

And the formats of these weights: in integers or in 8 bits they mean nothing without their scales.
"""

import pickle
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from secondpass.arguments import describe
from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.tensor_headers import Header, safetensors_headers
from secondpass.errors import CheckpointError

# Every layer has a tensor of its own, but for ALBERT's, which share theirs and are fewer than its tensors.
_COUNTS = ("num_hidden_layers", "n_layers", "num_layers", "n_layer")
# Sizes that are a dimension of some tensor in every architecture that states them.
_WIDTHS = ("vocab_size", "hidden_size", "dim", "d_model", "intermediate_size", "hidden_dim", "embedding_size")

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


def check_shapes(folder: Folder, stated: Mapping[str, Any]) -> None:
    """Raise CheckpointError if a config states more layers or wider ones than the weights hold, or these are quantised.

    Only the headers of the files are read. Files that cannot be read are left to what loads them.

    Args:
        folder: Where the weights are.
        stated: What the config says.
    """
    headers = _all_headers(folder)
    if not headers:
        return
    quantised = next(filter(_is_quantised, headers), None)
    if quantised is not None:
        raise CheckpointError(
            f"{folder.name}: weights must be float32, float16 or bfloat16, got {quantised.dtype} for {quantised.name}: "
            "quantised weights cannot be read"
        )
    widest = max(max(header.shape, default=0) for header in headers)
    for keys, limit, holds in ((_COUNTS, len(headers), "tensors in all"), (_WIDTHS, widest, "rows or columns at most")):
        for key in keys:
            value = stated.get(key)
            if isinstance(value, int) and value > limit:
                raise CheckpointError(
                    f"{folder.name}: config.json: {key} must fit the weights, which have {limit} {holds}, "
                    f"got {describe(value)}"
                )


def is_stored_in_float16(folder: Folder) -> bool:
    """Whether all weights that are loaded are float16, so that none of them overflows in it."""
    return stored_half(folder) is torch.float16


def stored_half(folder: Folder) -> torch.dtype | None:
    """The 16-bit format of all weights that are loaded; None where they have another one, or several."""
    formats = {header.dtype for header in _all_headers(folder) if _is_loaded(header) and header.dtype in _UNSCALED}
    halves = {_HALVES.get(name) for name in formats}
    return halves.pop() if len(halves) == 1 else None


def _is_loaded(header: Header) -> bool:
    return _LOADED.fullmatch(header.file.name) is not None


def _is_quantised(header: Header) -> bool:
    return _is_loaded(header) and header.name.endswith("weight") and header.dtype not in _UNSCALED


def _all_headers(folder: Folder) -> list[Header]:
    return [header for file in sorted(folder.whole.path.iterdir()) for header in _headers(file)]


def _headers(file: Path) -> Iterator[Header]:
    try:
        if file.suffix == ".safetensors":
            yield from safetensors_headers(file)
        elif file.suffix == ".bin":
            yield from _headers_of_torch(file)
    except (SafetensorError, OSError, RuntimeError, EOFError, ValueError, AttributeError, pickle.UnpicklingError):
        return


def _headers_of_torch(file: Path) -> Iterator[Header]:
    state = torch.load(file, map_location="meta", mmap=True, weights_only=True)
    for name, tensor in state.items():
        if isinstance(tensor, torch.Tensor):
            yield Header(file, name, tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))
