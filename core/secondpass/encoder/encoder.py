"""The packed encoder: token ids of several pairs in, one state a pair out."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from secondpass.encoder.attention.rotary import rotation
from secondpass.encoder.batch import TokenBatch
from secondpass.encoder.embeddings import Embeddings
from secondpass.encoder.layers import Layer, Scene
from secondpass.encoder.norm import Norm
from secondpass.encoder.packing import Packing, pack
from secondpass.encoder.spec import EncoderSpec

Pooling = Literal["cls", "mean"]


@dataclass(frozen=True, slots=True)
class PackedEncoder:
    """A transformer encoder over packed tokens. It holds no mutable state: any number of threads may share one.

    Args:
        spec: Its shape.
        embeddings: Ids to states.
        layers: In order; under "cls" pooling the last one keeps only the first tokens.
        final_norm: Behind the last layer, where the architecture has one.
        pooling: What a pair's state is: its first token's ("cls") or the mean over its tokens.
        device: Where the weights are.
        key_multiple: See `Packing.multiple`.
    """

    spec: EncoderSpec
    embeddings: Embeddings
    layers: tuple[Layer, ...]
    final_norm: Norm | None
    pooling: Pooling
    device: torch.device
    key_multiple: int

    def __call__(self, batch: TokenBatch) -> Tensor:
        """The pooled state of each pair.

        Neighbours of equal length are computed together, so pairs sorted by length are the fastest.

        Returns:
            Shape: (n_pairs, hidden), float32, on the encoder's device.
        """
        with torch.inference_mode():
            packing = pack(batch.lengths, multiple=self.key_multiple, device=self.device)
            thetas = {layer.rope_theta for layer in self.spec.layers if layer.rope_theta is not None}
            turns = {t: rotation(packing.positions, theta=t, head_dim=self.spec.head_dim) for t in thetas}
            scene = Scene(packing, turns)
            states = self.embeddings(batch, packing)
            for layer in self.layers:
                states = layer(states, scene)
            if self.final_norm is not None:
                states = self.final_norm(states)
            return states.float() if self.pooling == "cls" else _means(states, packing)


def _means(states: Tensor, packing: Packing) -> Tensor:
    """The mean over each pair's rows, in float32. Shape: (n_pairs, hidden)."""
    blocks = (states[group.first_row : group.end_row].view(group.n_pairs, group.length, -1) for group in packing.groups)
    return torch.cat([block.mean(dim=1, dtype=torch.float32) for block in blocks])
