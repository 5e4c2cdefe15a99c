"""The packed encoder: token ids of several pairs in, one state per pair out."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from secondpass.encoder.attention.relative import table_rows
from secondpass.encoder.attention.rotary import Rotation, make_rotation
from secondpass.encoder.batch import TokenBatch
from secondpass.encoder.capabilities import Capabilities
from secondpass.encoder.embeddings import Embeddings
from secondpass.encoder.forward_context import ForwardContext
from secondpass.encoder.layer import Layer
from secondpass.encoder.norm import Norm
from secondpass.encoder.packing import Packing, pack
from secondpass.encoder.pooling import Pooling, packed_means
from secondpass.encoder.self_attention import NoAttention
from secondpass.encoder.shared_prefix import share_prefix
from secondpass.encoder.spec import EncoderSpec, Rope
from secondpass.encoder.transfer import to_device


@dataclass(frozen=True, slots=True)
class PackedEncoder:
    """A transformer encoder over packed tokens. It holds no mutable state: any number of threads may share one.

    Args:
        spec: Its shape.
        embeddings: Ids to states.
        layers: In order; under CLS or LAST pooling the last one keeps only the tokens that are read.
        final_norm: After the last layer, where the architecture has one.
        pooling: What a pair's state is: its first token's (CLS), its last one's, or the mean over its tokens.
        capabilities: Of the device that holds the weights.
        float32_parts: Names of those parts that are in float32 though the precision is another; see `sensitivity`.
    """

    spec: EncoderSpec
    embeddings: Embeddings
    layers: tuple[Layer, ...]
    final_norm: Norm | None
    pooling: Pooling
    capabilities: Capabilities
    float32_parts: tuple[str, ...] = ()

    def __call__(self, batch: TokenBatch) -> Tensor:
        """The pooled state of each pair.

        Neighbours of equal length are computed together, so pairs sorted by length are the fastest.

        Returns:
            Shape: (n_pairs, hidden), float32, on the encoder's device.
        """
        if self._shares_prefixes:
            batch = share_prefix(batch)
        context = self.context(batch)
        states = self.embeddings(batch, context.packing)
        for layer in self.layers:
            states = layer(states, context)
        return self.pooled(states, context)

    def state_of_nothing(self, padding_id: int) -> Tensor:
        """The pooled state that transformers gives a causal model's text without any token.

        It reads a padding token in its place, which attends to nothing, not even to itself.

        Returns:
            Shape: (1, hidden), float32, on the encoder's device.
        """
        ids = torch.tensor([padding_id], device=self.capabilities.device)
        batch = TokenBatch(ids, torch.zeros_like(ids), (1,))
        context = self.context(batch)
        states = self.embeddings(batch, context.packing)
        for layer in self.layers:
            nothing = NoAttention.in_place_of(layer.attention, self.spec)
            states = replace(layer, attention=nothing, one_only=False)(states, context)
        return self.pooled(states, context)

    def context(self, batch: TokenBatch) -> ForwardContext:
        """What all layers share when they read this batch."""
        reads_last = self.pooling is Pooling.LAST
        packing = pack(batch.lengths, self.capabilities, reads_last=reads_last, n_shared=batch.n_shared)
        return ForwardContext(packing, self._rotations(packing), self._table_rows(packing))

    def pooled(self, states: Tensor, context: ForwardContext) -> Tensor:
        """The pooled state of each pair, from those that the last layer gave. Shape: (n_pairs, hidden), float32."""
        if self.final_norm is not None:
            states = self.final_norm(states)
        if self.pooling is Pooling.MEAN:
            return packed_means(states, context.packing)
        return states[: context.packing.n_pairs].float()

    @property
    def _shares_prefixes(self) -> bool:
        """Whether equal beginnings have equal states, of which none is part of the result; and ids are at hand."""
        return self.spec.causal and self.pooling is Pooling.LAST and self.capabilities.device.type == "cpu"

    def _rotations(self, packing: Packing) -> dict[Rope, Rotation]:
        ropes = {layer.rope for layer in self.spec.layers if layer.rope is not None}
        return {rope: make_rotation(packing.positions, rope, head_dim=self.spec.head_dim) for rope in ropes}

    def _table_rows(self, packing: Packing) -> Tensor | None:
        if self.spec.relative is None:
            return None
        longest = max(packing.n_keys_read(group.length) for group in packing.groups)
        return to_device(table_rows(self.spec.relative, longest), self.capabilities)
