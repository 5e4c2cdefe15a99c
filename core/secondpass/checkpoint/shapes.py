"""What a config states about sizes, held against the weights on disk before anything of that size is built."""

import pickle
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from secondpass.arguments import describe
from secondpass.checkpoint.folder import Folder
from secondpass.errors import CheckpointError

# Every layer has a tensor of its own, but for ALBERT's, which share theirs and are fewer than its tensors.
_COUNTS = ("num_hidden_layers", "n_layers", "num_layers", "n_layer")
# Sizes that are a dimension of some tensor in every architecture that states them.
_WIDTHS = ("vocab_size", "hidden_size", "dim", "d_model", "intermediate_size", "hidden_dim", "embedding_size")


def check_shapes(folder: Folder, stated: Mapping[str, Any]) -> None:
    """Raise CheckpointError if a config states more layers, or wider ones, than the weights hold.

    Only the headers of the files are read. Files that cannot be read are left to what loads them.

    Args:
        folder: Where the weights are.
        stated: What the config says.
    """
    shapes = [shape for file in sorted(folder.whole.path.iterdir()) for shape in _shapes(file)]
    if not shapes:
        return
    widest = max(max(shape, default=0) for shape in shapes)
    for keys, limit, holds in ((_COUNTS, len(shapes), "tensors in all"), (_WIDTHS, widest, "rows or columns at most")):
        for key in keys:
            value = stated.get(key)
            if isinstance(value, int) and value > limit:
                raise CheckpointError(
                    f"{folder.name}: config.json: {key} must fit the weights, which have {limit} {holds}, "
                    f"got {describe(value)}"
                )


def _shapes(file: Path) -> Iterator[tuple[int, ...]]:
    try:
        if file.suffix == ".safetensors":
            with safe_open(file, framework="pt") as tensors:
                yield from (tuple(tensors.get_slice(name).get_shape()) for name in tensors.keys())  # noqa: SIM118 - not a dict
        elif file.suffix == ".bin":
            state = torch.load(file, map_location="meta", mmap=True, weights_only=True)
            yield from (tuple(tensor.shape) for tensor in state.values() if isinstance(tensor, torch.Tensor))
    except (SafetensorError, OSError, RuntimeError, EOFError, ValueError, AttributeError, pickle.UnpicklingError):
        return
