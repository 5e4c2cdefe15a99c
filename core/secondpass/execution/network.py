"""A loaded model on one device in one precision: token batches in, float32 outputs out."""

import copy
from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from secondpass.checkpoint import Pooling, RankingModel
from secondpass.encoder import Precision, TokenBatch, moved, packed
from secondpass.encoder.padded import PaddedEncoder
from secondpass.errors import InputError
from secondpass.tokenization.tokens import PairTokens


class Network:
    """An encoder and its head on a device.

    Stateless between calls, so threads may share one.

    Args:
        encoder: Token batches to pooled states or logits.
        head: Pooled states to outputs, in float32.
        device: Where both are.
    """

    def __init__(self, encoder: Callable[[TokenBatch], Tensor], head: nn.Module, device: torch.device) -> None:
        self.device = device
        self._encoder = encoder
        self._head = head

    def __call__(self, pairs: PairTokens) -> Tensor:
        """The head's outputs on this network's device. Shape: (n_pairs, n_outputs), float32."""
        with torch.inference_mode():
            output: Tensor = self._head(self._encoder(_batch(pairs, self.device)))
            return output


def networks_on(
    devices: Sequence[torch.device],
    model: RankingModel,
    precision: Precision,
    calibration: Callable[[], PairTokens],
    padding_side: Literal["left", "right"] = "right",
) -> list[Network]:
    """The model on each device.

    Args:
        devices: At least one.
        model: In float32 on the CPU; taken over, so that its memory is not needed twice: use it no more.
        precision: Of the encoder; the head stays in float32.
        calibration: Gives a few texts as the model reads them, for the precisions that need them.
        padding_side: Where padding goes for architectures that need any.

    Raises:
        InputError: The precision has no form for this architecture.
    """
    models = [model, *(copy.deepcopy(model) for _ in devices[1:])]
    texts = _batch(calibration(), torch.device("cpu")) if precision is Precision.INT8 else None
    return [
        Network(_encoder(own, precision, device, texts, padding_side), own.head.to(device), device)
        for own, device in zip(models, devices, strict=True)
    ]


def _encoder(
    model: RankingModel,
    precision: Precision,
    device: torch.device,
    calibration: TokenBatch | None,
    padding_side: Literal["left", "right"],
) -> Callable[[TokenBatch], Tensor]:
    """The packed form of the transformer where there is one, else transformers' own forward."""
    if model.pooling in (Pooling.CLS, Pooling.MEAN):
        pooling: Literal["cls", "mean"] = "cls" if model.pooling is Pooling.CLS else "mean"
        encoder = packed(model.backbone, precision=precision, pooling=pooling, device=device, calibration=calibration)
        if encoder is not None:
            return encoder
    if precision is Precision.INT8:
        raise InputError(f"dtype 'int8' has no form for {type(model.backbone).__name__}: use 'float32'")
    nn.Module.to(model.backbone, device, precision.torch_dtype)
    return PaddedEncoder(model.backbone, model.pooling, padding_side)


def _batch(pairs: PairTokens, device: torch.device) -> TokenBatch:
    # Widened on the device: less to copy.
    ids, type_ids = (moved(torch.from_numpy(n), device).long() for n in (pairs.ids, pairs.type_ids))
    return TokenBatch(ids, type_ids, tuple(pairs.lengths.tolist()))
