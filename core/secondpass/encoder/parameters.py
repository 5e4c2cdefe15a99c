"""A transformer's parameters by our names, each taken once, where it is used."""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from secondpass.encoder.arithmetic.arithmetic import Weights


class Parameters:
    """Parameters to be taken one by one, in float32; those that nobody takes are `left`.

    Each is asked for when it is taken and let go of, so that those on disk need not be in memory all at once.

    Args:
        tensors: By names of their own.
        names: Those by ours.
    """

    def __init__(self, tensors: Mapping[str, Tensor], names: Mapping[str, str]) -> None:
        self._tensors = tensors
        self._names = names
        self.left = set(names)

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def take(self, name: str) -> Tensor | None:
        """The parameter, or None if there is none of this name."""
        stored = self.take_stored(name)
        return None if stored is None else stored.float()

    def take_stored(self, name: str) -> Tensor | None:
        """As `take`, in the format that it has: a table of words is the largest of all, and need not be made larger."""
        self.left.discard(name)
        return self._tensors[self._names[name]] if name in self._names else None

    def weights(self, name: str) -> Weights:
        """What a product multiplies and adds.

        Raises:
            KeyError: There is no weight of this name. Not a user's mistake.
        """
        self.left.discard(f"{name}.weight")
        return Weights(self._tensors[self._names[f"{name}.weight"]].float(), self.take(f"{name}.bias"))

    def joined(self, where: str, whole: str, names: tuple[str, ...]) -> Weights:
        """The weights that stand under one name, or side by side under several."""
        if f"{where}.{whole}.weight" in self:
            return self.weights(f"{where}.{whole}")
        parts = [self.weights(f"{where}.{name}") for name in names]
        biases = [part.bias for part in parts if part.bias is not None]
        return Weights(torch.cat([part.weight for part in parts]), torch.cat(biases) if biases else None)


class LeavingParameters(Mapping[str, Tensor]):
    """A model's parameters, each of which leaves it when it is asked for: memory then holds large ones once.

    Args:
        model: Not to be used once any has left.
    """

    def __init__(self, model: nn.Module) -> None:
        self._modules = {name: name.rpartition(".") for name, _ in model.named_parameters()}
        self._model = model

    def __getitem__(self, name: str) -> Tensor:
        """The parameter, which is not there a second time."""
        path, _, leaf = self._modules.pop(name)
        module = self._model.get_submodule(path)
        parameter = module.get_parameter(leaf).detach()
        delattr(module, leaf)
        return parameter

    def __contains__(self, name: object) -> bool:
        """Whether it is still there."""
        return name in self._modules

    def __iter__(self) -> Iterator[str]:
        """The names of those that are still there."""
        return iter(tuple(self._modules))

    def __len__(self) -> int:
        """How many are still there."""
        return len(self._modules)
