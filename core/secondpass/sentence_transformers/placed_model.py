"""Where a model is and in which arithmetic: read, and changed by the calls that torch modules have for it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, NoReturn, Self

import torch

from secondpass.arguments import describe
from secondpass.errors import InputError, InputTypeError
from secondpass.options import DType
from secondpass.sentence_transformers.engine import Engine
from secondpass.sentence_transformers.not_kept import refuse_attribute, refuse_network_attribute

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

_DTYPES: dict[object, DType] = {torch.float32: "float32", torch.bfloat16: "bfloat16", torch.float16: "float16"}


class Placed(ABC):
    """What has a device and an arithmetic, and goes to others."""

    @property
    @abstractmethod
    def device(self) -> torch.device:
        """Where it runs; the first device if there are several."""

    @property
    @abstractmethod
    def dtype(self) -> torch.dtype:
        """Arithmetic of the transformer; the head's is always float32."""

    @property
    @abstractmethod
    def config(self) -> "PreTrainedConfig":
        """The transformer's config, to read: what is written into it changes no score."""

    @property
    @abstractmethod
    def num_labels(self) -> int:
        """Scores of each pair."""

    @abstractmethod
    def to(self, *args: object, device: object = None, dtype: object = None) -> Self:
        """Move it, or change its arithmetic, or both, as `torch.nn.Module.to` is called. The checkpoint is loaded anew.

        Raises:
            InputError: This machine has no such device, or the device not this arithmetic.
        """

    def cuda(self, device: int | str | torch.device | None = None) -> Self:
        """Move it to a GPU."""
        return self.to("cuda" if device is None else device)

    def cpu(self) -> Self:
        """Move it to the CPU."""
        return self.to("cpu")

    def half(self) -> Self:
        """Compute in float16."""
        return self.to(torch.float16)

    def bfloat16(self) -> Self:
        """Compute in bfloat16."""
        return self.to(torch.bfloat16)

    def float(self) -> Self:
        """Compute in float32."""
        return self.to(torch.float32)

    @property
    def training(self) -> bool:
        """False: it always is in evaluation mode, so that `model.train(was_training)` gives back what there was."""
        return False

    def eval(self) -> Self:
        """Do nothing: it always is in evaluation mode."""
        return self

    def train(self, mode: bool = True) -> Self:
        """Do nothing where `mode` is False.

        Raises:
            NotKeptError: It is True: nothing is trained here.
        """
        return refuse_attribute("fit") if mode else self

    def __call__(self, *_: object, **__: object) -> NoReturn:
        """Refused: there is no forward pass to call."""
        refuse_attribute("forward")

    def __getitem__(self, _: object) -> NoReturn:
        """Refused: there are no modules to take one of."""
        refuse_attribute("modules")


class PlacedModel(Placed):
    """An engine that can be replaced by the same checkpoint elsewhere."""

    _engine: Engine
    _config: "PreTrainedConfig | None"
    _dropout: Mapping[str, object]

    if not TYPE_CHECKING:  # a type checker that saw this method would take any name for an attribute

        def __getattr__(self, name: str) -> NoReturn:
            refuse_attribute(name)

    @property
    def name_or_path(self) -> str:
        """What it was loaded as."""
        return self._engine.name

    @property
    def device(self) -> torch.device:
        """Where it runs; the first device if there are several."""
        return self._engine.devices[0]

    @property
    def dtype(self) -> torch.dtype:
        """Arithmetic of the transformer; the head's is always float32."""
        return self._engine.dtype

    @property
    def config(self) -> "PreTrainedConfig":
        """The transformer's config, to read: what is written into it changes no score."""
        if self._config is None:  # until it is asked for: that imports transformers, which takes seconds
            self._config = self._engine.config()
            self._config.update(dict(self._dropout))
        return self._config

    @property
    def num_labels(self) -> int:
        """Scores of each pair."""
        return self._engine.n_outputs

    def to(self, *args: object, device: object = None, dtype: object = None) -> Self:
        """Move it, or change its arithmetic, or both, as `torch.nn.Module.to` is called. The checkpoint is loaded anew.

        Raises:
            InputError: This machine has no such device, or the device not this arithmetic.
        """
        for argument in args:
            if isinstance(argument, torch.dtype):
                dtype = argument
            else:
                device = argument
        target = _target(device)
        if dtype is not None and dtype not in _DTYPES:
            raise InputError(f"dtype must be one of {', '.join(map(str, _DTYPES))}, got {describe(dtype)}")
        moves = target is not None and not _is_same(target, self.device)
        if moves or (dtype is not None and dtype is not self.dtype):
            arithmetic = None if dtype is None else _DTYPES[dtype]
            self._engine = self._engine.placed(device=str(target) if moves else None, dtype=arithmetic)
        return self


class TransformersView(Placed):
    """What stands at `model.model`, where sentence-transformers has a model of transformers: its config and its place.

    Args:
        owner: The model whose transformer it stands for.
    """

    def __init__(self, owner: PlacedModel) -> None:
        self._owner = owner

    if not TYPE_CHECKING:  # a type checker that saw this method would take any name for an attribute

        def __getattr__(self, name: str) -> NoReturn:
            refuse_network_attribute(name)

    @property
    def device(self) -> torch.device:
        """Where it runs; the first device if there are several."""
        return self._owner.device

    @property
    def dtype(self) -> torch.dtype:
        """Arithmetic of the transformer; the head's is always float32."""
        return self._owner.dtype

    @property
    def config(self) -> "PreTrainedConfig":
        """The transformer's config, to read: what is written into it changes no score."""
        return self._owner.config

    @property
    def num_labels(self) -> int:
        """Scores of each pair."""
        return self._owner.num_labels

    @property
    def name_or_path(self) -> str:
        """What it was loaded as."""
        return self._owner.name_or_path

    def to(self, *args: object, device: object = None, dtype: object = None) -> Self:
        """As of the model it belongs to."""
        self._owner.to(*args, device=device, dtype=dtype)
        return self


def _target(device: object) -> torch.device | None:
    if device is None or isinstance(device, torch.device):
        return device
    if isinstance(device, bool) or not isinstance(device, str | int):
        raise InputTypeError(f"device must be a name, a number or a torch.device, got {describe(device)}")
    try:
        return torch.device(f"cuda:{device}" if isinstance(device, int) else device)
    except RuntimeError as error:
        raise InputError(f"device must be a torch device such as 'cpu' or 'cuda:0', got {device!r}") from error


def _is_same(first: torch.device, second: torch.device) -> bool:
    return (first.type, first.index or 0) == (second.type, second.index or 0)
