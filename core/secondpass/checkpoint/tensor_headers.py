"""What files of weights say of their tensors ahead of the numbers."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from safetensors import safe_open


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
