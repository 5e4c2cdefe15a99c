"""A loaded model on one device in one precision: token batches in, float32 outputs out."""

import copy
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from secondpass.checkpoint import RankingModel, SplitModel
from secondpass.encoder import Capabilities, Precision, TokenBatch, packed_encoder, to_device
from secondpass.encoder.padded import PaddedClassifier, PaddedEncoder
from secondpass.errors import InputError
from secondpass.execution.ambient import plain_torch
from secondpass.execution.devices import Placement
from secondpass.tokenization.tokens import PairTokens


class Network:
    """An encoder and its head on a device.

    Stateless between calls, so threads may share one.

    Args:
        encoder: Token batches to pooled states or logits.
        head: Pooled states to outputs, in float32.
        capabilities: Of the device where both are.
    """

    def __init__(self, encoder: Callable[[TokenBatch], Tensor], head: nn.Module, capabilities: Capabilities) -> None:
        self.capabilities = capabilities
        self._encoder = encoder
        self._head = head

    def __call__(self, pairs: PairTokens) -> Tensor:
        """The head's outputs on this network's device. Shape: (n_pairs, n_outputs), float32."""
        with torch.inference_mode(), plain_torch(self.capabilities.device):
            output: Tensor = self._head(self._encoder(_batch(pairs, self.capabilities)))
            return output


def networks_on(
    placement: Placement,
    model: RankingModel,
    range_texts: Callable[[], PairTokens],
    padding_side: Literal["left", "right"] = "right",
) -> list[Network]:
    """The model on each device.

    Args:
        placement: The devices and the precision of the encoder; the head stays in float32.
        model: In float32 on the CPU. Its parameters become the first network's, so that their memory is not needed
            twice: not to be used afterwards.
        range_texts: Gives a few texts as the model reads them, for the precisions that need ranges of values.
        padding_side: Where padding goes for architectures that need any.

    Raises:
        InputError: The precision has no form for this architecture.
    """
    models = [model, *(copy.deepcopy(model) for _ in placement.devices[1:])]
    texts = range_texts() if placement.precision.needs_ranges else None
    networks = []
    for own, capabilities in zip(models, placement.devices, strict=True):
        encoder = _encoder(own, placement.precision, capabilities, texts, padding_side)
        networks.append(Network(encoder, _head(own, capabilities), capabilities))
    return networks


def _encoder(
    model: RankingModel,
    precision: Precision,
    capabilities: Capabilities,
    range_texts: PairTokens | None,
    padding_side: Literal["left", "right"],
) -> Callable[[TokenBatch], Tensor]:
    """The packed form of the transformer where there is one, else transformers' own forward."""
    if isinstance(model, SplitModel):
        encoder = packed_encoder(
            model.backbone,
            precision=precision,
            pooling=model.pooling,
            capabilities=capabilities,
            range_texts=None if range_texts is None else _batch(range_texts, capabilities),
        )
        if encoder is not None:
            return encoder
    if precision.needs_ranges:
        raise InputError(f"dtype '{precision}' has no form for {type(model.backbone).__name__}: use 'float32'")
    nn.Module.to(model.backbone, capabilities.device, precision.states_dtype(capabilities))
    if isinstance(model, SplitModel):
        return PaddedEncoder(model.backbone, model.pooling, padding_side)
    return PaddedClassifier(model.backbone, padding_side)


def _head(model: RankingModel, capabilities: Capabilities) -> nn.Module:
    """What is left to do behind the encoder; nothing behind a whole classifier."""
    return model.head.to(capabilities.device) if isinstance(model, SplitModel) else nn.Identity()


def _batch(pairs: PairTokens, capabilities: Capabilities) -> TokenBatch:
    # Widened on the device: less to copy.
    ids, type_ids = (to_device(torch.from_numpy(array), capabilities).long() for array in (pairs.ids, pairs.type_ids))
    return TokenBatch(ids, type_ids, tuple(pairs.lengths.tolist()))
