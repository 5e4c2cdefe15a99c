"""The tensors of safetensors files, read one by one when they are wanted: no file's weights are in memory twice."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from secondpass.checkpoint.file_stamp import FileStamp, stamp_of
from secondpass.checkpoint.tensor_headers import safetensors_headers
from secondpass.errors import CheckpointError

# As safetensors calls the floating-point numbers that float32 holds exactly. F64 is left to transformers, which rounds.
_EXACT_IN_FLOAT32 = ("F32", "F16", "BF16")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tensor lies.

    Args:
        file: In which file.
        stamp: Of the file when the place was found; None where there was none.
        shape: Of the tensor.
        is_exact: Whether it holds floating-point numbers that become float32 without loss.
    """

    file: Path
    stamp: FileStamp | None
    shape: tuple[int, ...]
    is_exact: bool


class StoredTensors(Mapping[str, Tensor]):
    """Tensors in float32 on the CPU, read from their files each time they are asked for.

    Those that are stored in float32 are views of the mapped file, which must be replaced and not written over while
    they are in use: a copy of each would hold weights twice for a while.

    Args:
        places: Where each is, by the name it is asked for, with its name in the file.
    """

    def __init__(self, places: Mapping[str, tuple[str, Place]]) -> None:
        self._places = places

    def __getitem__(self, name: str) -> Tensor:
        """The tensor of this name.

        Raises:
            CheckpointError: Its file is not the one any more in which it was found.
        """
        stored, place = self._places[name]
        if stamp_of(place.file) != place.stamp:
            raise CheckpointError(f"{place.file} was changed while it was being loaded: load the model again")
        with safe_open(place.file, framework="pt") as tensors:
            tensor: Tensor = tensors.get_tensor(stored)
        return tensor.float()

    def __iter__(self) -> Iterator[str]:
        """Their names."""
        return iter(self._places)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._places)


def find_tensors(files: Sequence[Path]) -> dict[str, Place] | None:
    """Where the tensors of these files lie; only headers are read. None if one cannot be read, or a name is in two."""
    places: dict[str, Place] = {}
    try:
        for file in files:
            stamp = stamp_of(file)
            for header in safetensors_headers(file):
                if header.name in places:
                    return None
                places[header.name] = Place(file, stamp, header.shape, header.dtype in _EXACT_IN_FLOAT32)
    except (SafetensorError, OSError, RuntimeError, ValueError):
        return None
    return places
