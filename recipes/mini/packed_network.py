"""BERT over pairs that lie one after the other without padding, with gradients, in one pass on a GPU.

`secondpass train` pads on GPUs, and has the host tokenise each list again.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from observe import layers_of
from ragged import Ragged
from torch import Tensor, nn
from torch.nn.functional import gelu, linear, scaled_dot_product_attention
from transformers import BertForSequenceClassification
from transformers.models.bert.modeling_bert import BertLayer

CLS, SEP = 101, 102
# Where a list has fewer passages than others.
NONE = -1


@dataclass(frozen=True, slots=True)
class Batch:
    """Pairs, one after the other.

    Args:
        ids: Tokens. Shape: (n_tokens,).
        types: 0 for the query and its special tokens, 1 for the passage and its end. Shape: as ids.
        positions: Within each pair. Shape: as ids.
        bounds: Where each pair begins, and where the last ends. Shape: (n_pairs + 1,), int32.
        longest: Tokens of the longest pair.
    """

    ids: Tensor
    types: Tensor
    positions: Tensor
    bounds: Tensor
    longest: int

    def to(self, device: torch.device) -> "Batch":
        """The same elsewhere."""
        pinned = device.type == "cuda"
        tensors = (self.ids, self.types, self.positions, self.bounds)
        ids, types, positions, bounds = (
            (tensor.pin_memory() if pinned else tensor).to(device, non_blocking=True) for tensor in tensors
        )
        return Batch(ids, types, positions, bounds, self.longest)


def pairs(
    queries: Ragged, passages: Ragged, asked: NDArray[np.int64], found: NDArray[np.int64], max_length: int
) -> Batch:
    """The pairs of some lists, in order, those that are not there left out.

    The longer text is cut to make a pair fit, as tokenizers do.

    Args:
        queries: The texts that are asked.
        passages: The texts that are found.
        asked: The query of each list. Shape: (n_lists,).
        found: Its passages. Shape: (n_lists, n_passages).
        max_length: Tokens of a pair at most, special ones included.
    """
    there = found != NONE
    query, passage = np.repeat(asked, there.sum(axis=1)), found[there]
    room = max_length - 3
    n_query = queries.bounds[query + 1] - queries.bounds[query]
    n_passage = passages.bounds[passage + 1] - passages.bounds[passage]
    shorter, longer = np.minimum(n_query, n_passage), np.maximum(n_query, n_passage)
    fits, halves = shorter + longer <= room, 2 * shorter > room
    shorter, longer = np.where(halves, room // 2, shorter), np.where(halves, (room + 1) // 2, room - shorter)
    is_longer = n_query > n_passage
    kept_query = np.where(fits, n_query, np.where(is_longer, longer, shorter))
    kept_passage = np.where(fits, n_passage, np.where(is_longer, shorter, longer))
    lengths = kept_query + kept_passage + 3
    bounds = np.cumsum([0, *lengths])
    place = np.arange(bounds[-1]) - np.repeat(bounds[:-1], lengths)
    n, start = np.repeat(kept_query, lengths), np.repeat(queries.bounds[query] - 1, lengths)
    own = np.repeat(passages.bounds[passage] - kept_query - 2, lengths)
    last = np.repeat(lengths - 1, lengths)
    is_query, is_passage = (place >= 1) & (place <= n), (place >= n + 2) & (place < last)
    ids = np.full(len(place), SEP)
    ids[place == 0] = CLS
    ids[is_query] = queries.values[(start + place)[is_query]]
    ids[is_passage] = passages.values[(own + place)[is_passage]]
    return Batch(
        torch.from_numpy(ids),
        torch.from_numpy((place > n + 1).astype(np.int64)),
        torch.from_numpy(place),
        torch.from_numpy(bounds.astype(np.int32)),
        int(lengths.max()),
    )


class PackedNetwork(nn.Module):
    """Scores the pairs of a batch with the weights of a BERT classifier of one label, which it trains in place.

    Args:
        model: The classifier.
    """

    def __init__(self, model: BertForSequenceClassification) -> None:
        super().__init__()
        self.model = model
        self.n_heads = model.config.num_attention_heads

    def forward(self, batch: Batch) -> Tensor:
        """The logit of each pair. Shape: (n_pairs,), float32."""
        embeddings = self.model.bert.embeddings
        states = (
            embeddings.word_embeddings(batch.ids)
            + embeddings.token_type_embeddings(batch.types)
            + embeddings.position_embeddings(batch.positions)
        )
        states = embeddings.LayerNorm(states)
        *layers, last = layers_of(self.model.bert)
        for layer in layers:
            states = self._layer(layer, states, states, batch)
        # No head reads more than each pair's first state.
        first = self._layer(last, states, states[batch.bounds[:-1].long()], batch)
        pooled = torch.tanh(self.model.get_submodule("bert.pooler.dense")(first))
        scores: Tensor = self.model.classifier(pooled)
        return scores.float().squeeze(1)

    def _layer(self, layer: BertLayer, states: Tensor, asking: Tensor, batch: Batch) -> Tensor:
        own, out = layer.attention.self, layer.attention.output
        key_value = linear(
            states, torch.cat([own.key.weight, own.value.weight]), torch.cat([own.key.bias, own.value.bias])
        )
        key, value = key_value.unflatten(1, (2, self.n_heads, -1)).unbind(1)
        query = own.query(asking).unflatten(1, (self.n_heads, -1))
        context = _attend(query, key, value, batch).flatten(1)
        states = out.LayerNorm(asking + out.dense(context))
        inner = gelu(layer.intermediate.dense(states))
        attended: Tensor = layer.output.LayerNorm(states + layer.output.dense(inner))
        return attended


def _attend(query: Tensor, key: Tensor, value: Tensor, batch: Batch) -> Tensor:
    """Attention within each pair, of all tokens or of the first ones. Shape: as query."""
    first_only = len(query) == len(batch.bounds) - 1
    if query.is_cuda:
        from torch.nn.attention.varlen import varlen_attn  # noqa: PLC0415 - torch without it serves CPUs

        starts = torch.arange(len(batch.bounds), dtype=torch.int32, device=query.device) if first_only else batch.bounds
        n_queries = 1 if first_only else batch.longest
        outputs = varlen_attn(query, key, value, starts, batch.bounds, n_queries, batch.longest)
        return outputs if isinstance(outputs, Tensor) else outputs[0]
    lengths = batch.bounds.diff().tolist()
    of_queries = query.split(1 if first_only else lengths)
    parts = [
        scaled_dot_product_attention(*(rows.transpose(0, 1) for rows in rows_of_pair)).transpose(0, 1)
        for rows_of_pair in zip(of_queries, key.split(lengths), value.split(lengths), strict=True)
    ]
    return torch.cat(parts)
