"""What files of weights say of their tensors ahead of the numbers."""

import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from secondpass.checkpoint.folder import Folder


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of a tensor.

    Args:
        file: In which file it lies.
        name: Its name there.
        shape: Its size in each dimension.
        dtype: Its number format in the file's own words: "F32" in safetensors, "float32" in torch's files.
    """

    file: Path
    name: str
    shape: tuple[int, ...]
    dtype: str


def safetensors_headers(file: Path) -> Iterator[Header]:
    """The headers of a file of safetensors.

    Raises:
        SafetensorError: It is none.
        OSError: It cannot be read.
    """
    with safe_open(file, framework="pt") as tensors:
        for name in tensors.keys():  # noqa: SIM118 - not a dict
            tensor = tensors.get_slice(name)
            yield Header(file, name, tuple(tensor.get_shape()), tensor.get_dtype())


def all_headers(folder: Folder) -> list[Header]:
    """The headers of all files of weights in a checkpoint's folder; what cannot be read is left to what loads it."""
    return [header for file in sorted(folder.whole.path.iterdir()) for header in _readable_headers(file)]


def _readable_headers(file: Path) -> Iterator[Header]:
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
