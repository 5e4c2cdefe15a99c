"""Features of tokens in the hidden state, and the layers of a bi-encoder that carry them and part the segments."""

from dataclasses import dataclass

import torch
from observe import Norm
from torch import Tensor, nn
from transformers import BertModel
from transformers.models.bert.modeling_bert import BertLayer

# Feed-forward units at the end of every layer that raise the features of [CLS].
SPARE = 2
# Height of the features, in root mean squares of the other coordinates: tall ones stand out from the noise that norms
# add.
TALL = torch.tensor([4.0, 4.0, 6.0, 4.0])
# The shares of its height between which the feature of [CLS] is ramped from 0 to 1.
FIRST_RAMP = 0.25, 0.75
# Slope of the units that make a feature exact: their GELUs are straight lines where it matters.
STEEP = 16.0


@dataclass(frozen=True, slots=True)
class Features:
    """The coordinates of the hidden state that hold a feature of the token, as 1 or 0 times a height.

    Args:
        query: Whether it belongs to the query, [CLS] and the first [SEP] included.
        document: Whether it belongs to the document, the last [SEP] included.
        special: Whether it is [CLS] or [SEP].
        first: Whether it is [CLS].
        matched: How well it matches, a number.
        null: Always 0.
    """

    query: int
    document: int
    special: int
    first: int
    matched: int
    null: int

    @property
    def flags(self) -> list[int]:
        """The coordinates that are 1 or 0."""
        return [self.query, self.document, self.special, self.first]

    @property
    def all(self) -> list[int]:
        """All of them."""
        return [*self.flags, self.matched, self.null]


def embed_features(model: BertModel, features: Features, special_ids: list[int], norm: Norm) -> None:
    """Write the features into the embedding tables; [CLS] comes first in `special_ids`."""
    parts = model.embeddings
    types = parts.token_type_embeddings.weight
    words = parts.word_embeddings.weight
    types[1] = types[0]
    for table in (words, parts.position_embeddings.weight, types):
        table[:, features.all] = 0.0
    query, document, special, cls = (TALL * norm.spread).tolist()
    first = norm.first_spread / norm.spread
    types[0, features.query] = query
    types[1, features.document] = document
    words[special_ids, features.special] = special
    words[special_ids[0], features.query] = query * (first - 1)
    words[special_ids[0], features.special] = special * first
    words[special_ids[0], features.first] = cls * first
    carry(parts.LayerNorm, features.all, norm, before=norm.spread)


def carry(
    layer_norm: nn.LayerNorm, coordinates: list[int], norm: Norm, *, before: float, after: float | None = None
) -> None:
    """Let a layer norm bring features from one height to another, by default to the size of its other outputs."""
    gain = (norm.size if after is None else after) * norm.spread / before
    layer_norm.weight[coordinates] = gain
    layer_norm.bias[coordinates] = gain * norm.offset


def lift_first(layer: BertLayer, features: Features, middle: Norm, last: Norm, *, height: float) -> None:
    """Let the spare units raise the features of [CLS] by what the norms around them take: a ramp from 0 to 1.

    They recognize [CLS] by its own feature and add exactly nothing to other tokens: it would grow over the layers.
    """
    current = middle.spread / middle.first_spread
    target = last.first_spread / last.spread
    up, down = layer.intermediate.dense, layer.output.dense
    units = torch.arange(up.out_features - SPARE, up.out_features)
    low, high = FIRST_RAMP
    slope = STEEP / (TALL[3] * height * current)
    up.weight[units, features.first] = slope
    up.weight[units, features.null] = -slope
    up.bias[units] = -STEEP * torch.tensor([low, high])
    lift = (target - current) * height * TALL * torch.tensor([1.0, 0.0, 1.0, 1.0])
    down.weight[torch.tensor(features.flags)[:, None], units] = (
        lift[:, None] * torch.tensor([1.0, -1.0]) / (STEEP * (high - low))
    )


def keep_out(layer: BertLayer, features: Features) -> None:
    """Keep a layer from reading the features and from writing to them."""
    attention = layer.attention
    for reader in (attention.self.query, attention.self.key, attention.self.value, layer.intermediate.dense):
        reader.weight[:, features.all] = 0.0
    for writer in (attention.output.dense, layer.output.dense):
        writer.weight[features.all] = 0.0
        writer.bias[features.all] = 0.0


def part_segments(layer: BertLayer, features: Features, *, apart: float, height: float) -> None:
    """Give the last two directions of every head to the features of the segments, at TALL times `height`.

    From each feature another one with the same noise is subtracted, on both sides: the noise cancels, so that attention
    within a segment does not change at all, and documents see [CLS].
    """
    attention = layer.attention.self
    size = attention.attention_head_size
    slope = apart**0.5 * size**0.25 / (height * float(TALL[0]))
    directions = (
        (features.query, features.null, features.null, features.document),
        (features.document, features.null, features.first, features.query),
    )
    for back, (query_plus, query_minus, key_plus, key_minus) in enumerate(directions, start=1):
        rows = torch.arange(1, attention.num_attention_heads + 1) * size - back
        for side, plus, minus in (
            (attention.query, query_plus, query_minus),
            (attention.key, key_plus, key_minus),
        ):
            side.weight[rows] = 0.0
            side.bias[rows] = 0.0
            side.weight[rows, plus] = slope
            side.weight[rows, minus] = -slope


def order_directions(layer: BertLayer, queries: Tensor, keys: Tensor) -> None:
    """Change the basis of every head's query-key space: directions come in the order of their effect on the logits.

    With L the Cholesky factors of both second moments and L_q^T L_k = U S V^T, direction i moves the logits by S_i.
    """
    attention = layer.attention.self
    size = attention.attention_head_size
    for head in range(attention.num_attention_heads):
        rows = slice(head * size, (head + 1) * size)
        ridge = 1e-6 * torch.eye(size)
        left, right = torch.linalg.cholesky(queries[head] + ridge), torch.linalg.cholesky(keys[head] + ridge)
        u, strength, vt = torch.linalg.svd(left.T @ right)
        root = strength.sqrt()[:, None]
        for side, basis in (
            (attention.query, root * (u.T @ torch.linalg.inv(left))),
            (attention.key, root * (vt @ torch.linalg.inv(right))),
        ):
            side.weight[rows] = basis @ side.weight[rows]
            side.bias[rows] = basis @ side.bias[rows]
