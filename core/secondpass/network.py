"""A loaded model on one device in one precision: token batches in, float32 outputs out."""

import copy
from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from secondpass.checkpoint import Pooling, RankingModel
from secondpass.encoder import Precision, TokenBatch, packed
from secondpass.encoder.padded import PaddedEncoder
from secondpass.errors import InputError
from secondpass.pairs import Tokens


class Network:
    """An encoder and its head on a device.

    Stateless between calls, so threads may share one.

    Args:
        model: In float32 on the CPU; taken over, so that its memory is not needed twice.
        precision: Of the encoder; the head stays in float32.
        device: Where it runs.
        padding_side: Where padding goes for architectures that need any.

    Raises:
        InputError: The precision has no form for this architecture or device.
    """

    def __init__(
        self,
        model: RankingModel,
        precision: Precision,
        device: torch.device,
        padding_side: Literal["left", "right"] = "right",
    ) -> None:
        self.device = device
        self._encoder: Callable[[TokenBatch], Tensor] = _encoder(model, precision, device, padding_side)
        self._head = model.head.to(device)

    def __call__(self, pairs: Sequence[Tokens]) -> Tensor:
        """The head's outputs on this network's device. Shape: (n_pairs, n_outputs), float32."""
        with torch.inference_mode():
            output: Tensor = self._head(self._encoder(self._batch(pairs)))
            return output

    def _batch(self, pairs: Sequence[Tokens]) -> TokenBatch:
        ids = torch.tensor([token for pair in pairs for token in pair.ids], dtype=torch.int64)
        type_ids = torch.tensor([token_type for pair in pairs for token_type in pair.type_ids], dtype=torch.int64)
        return TokenBatch(self._moved(ids), self._moved(type_ids), tuple(len(pair) for pair in pairs))

    def _moved(self, tensor: Tensor) -> Tensor:
        if self.device.type == "cuda":
            return tensor.pin_memory().to(self.device, non_blocking=True)
        return tensor.to(self.device)


def networks_on(
    devices: Sequence[torch.device],
    model: RankingModel,
    precision: Precision,
    padding_side: Literal["left", "right"] = "right",
) -> list[Network]:
    """The model on each device; it is taken over, so use it no more."""
    models = [model, *(copy.deepcopy(model) for _ in devices[1:])]
    return [Network(own, precision, device, padding_side) for own, device in zip(models, devices, strict=True)]


def _encoder(
    model: RankingModel, precision: Precision, device: torch.device, padding_side: Literal["left", "right"]
) -> Callable[[TokenBatch], Tensor]:
    """The packed form of the transformer where there is one, else transformers' own forward."""
    if model.pooling in (Pooling.CLS, Pooling.MEAN):
        pooling: Literal["cls", "mean"] = "cls" if model.pooling is Pooling.CLS else "mean"
        encoder = packed(model.backbone, precision=precision, pooling=pooling, device=device)
        if encoder is not None:
            return encoder
    if precision is Precision.INT8:
        raise InputError(f"dtype 'int8' has no form for {type(model.backbone).__name__}: use 'float32'")
    nn.Module.to(model.backbone, device, precision.torch_dtype)
    return PaddedEncoder(model.backbone, model.pooling, padding_side)
