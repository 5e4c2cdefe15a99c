"""What compares the pooled embeddings of both segments: a pooling layer, a comparing layer, and the classifier."""

from typing import cast

import torch
from features import STEEP, Features, carry, keep_out, part_segments
from observe import Norm
from torch import Tensor, nn
from transformers import BertForSequenceClassification
from transformers.models.bert.modeling_bert import BertLayer, BertPooler

# How much is taken from a logit of attention across segments in the pooling layer.
POOLING_APART = 16.0
# Weight of the segment's mean beside the token's own state.
POOLED_SHARE = 10.0
# A feature minus half of its rivals is ramped from 0 to 1 between these values.
EXACT_RAMP = 0.15, 0.4
# How much the logit of a special token exceeds that of another in the comparing layer.
SPECIAL_ONLY = 12.0
# Logit of attention in the comparing layer per unit of cosine.
STEEPNESS = 3.0
# The cosine at which [CLS] looks at both segments alike.
CENTRE = 0.3
# How far the similarity moves the feature it is written to.
GAIN = 3.0
# What the pooler multiplies its inputs by: small, so that tanh is nearly a straight line.
TANH_SLOPE = 0.3
# The steepest slope of the score, per unit of cosine: the bi-encoder was trained with 20 x cosine.
SCALE = 20.0
# What the query's mean of matched terms, in units of the pooled state, adds to the score; chosen on held-out sets.
MATCHED_SCALE = 6.0
# Half-way between the scores of answers and of other passages on held-out questions: subtracted, to put it at 0.
OFFSET = 15.5


def norm_of_pooled(states: Tensor, mask: Tensor) -> Norm:
    """What the pooling layer's first norm is going to see."""
    shares = mask[..., None] / mask.sum(dim=1)[:, None, None]
    mixed = (states + POOLED_SHARE * (states * shares).sum(dim=1, keepdim=True))[mask.bool()]
    spread = mixed.std(dim=-1)
    return Norm(float(spread.mean()), float(spread.mean()), float((mixed.mean(dim=-1) / spread).mean()), 1.0)


def pool(layer: BertLayer, features: Features, norm: Norm, *, height: float) -> None:
    """Make a layer replace every token by its segment's mean, scaled to unit size, and make its features exact."""
    attention = layer.attention
    keep_out(layer, features)
    attention.self.query.weight.zero_()
    attention.self.query.bias.zero_()
    part_segments(layer, features, apart=POOLING_APART, height=height)
    attention.self.value.weight.copy_(torch.eye(len(attention.self.value.weight)))
    attention.output.dense.weight.copy_(POOLED_SHARE * torch.eye(len(attention.output.dense.weight)))
    for module in (attention.self.value, attention.output.dense):
        module.weight[features.flags] = 0.0
        module.bias.zero_()
    _plain(attention.output.LayerNorm)
    carry(attention.output.LayerNorm, features.flags, norm, before=height, after=1.0)
    up, down = layer.intermediate.dense, layer.output.dense
    down.weight.zero_()
    down.bias.zero_()
    # A token whose state is small has large features, false ones included: so they are compared with each other.
    rivals = [features.document], [features.query], [features.query, features.document]
    for index, (coordinate, others) in enumerate(zip(features.flags[:3], rivals, strict=True)):
        # gelu(x) - gelu(-x) = x removes the old value; two units make the ramp from 0 to 1.
        low, high = EXACT_RAMP
        units = torch.arange(4) + 4 * index
        up.weight[units] = 0.0
        up.weight[units, coordinate] = STEEP * torch.tensor([1.0, -1.0, 1.0, 1.0])
        up.weight[units[2:, None], others] = -STEEP / 2
        up.bias[units] = STEEP * torch.tensor([0.0, 0.0, -low, -high])
        ramp = 1 / (high - low)
        down.weight[coordinate, units] = torch.tensor([-1.0, 1.0, ramp, -ramp]) / STEEP
    _plain(layer.output.LayerNorm)


def compare(layer: BertLayer, features: Features, states: Tensor, generator: torch.Generator) -> None:
    """Make a layer write the similarity of both segments into the document feature of [CLS].

    Args:
        layer: The layer to change.
        features: The coordinates of the features.
        states: The bi-encoder's states of sample tokens, whose directions of least variance are left out.
            Shape: (n_tokens, hidden).
        generator: Distributes the directions over the heads.
    """
    attention, size = layer.attention.self, layer.attention.self.attention_head_size
    keep_out(layer, features)
    hidden = attention.query.in_features
    n_compared = size - 2
    others = torch.ones(hidden, dtype=torch.bool)
    others[features.all] = False
    n_used = n_compared * attention.num_attention_heads
    _, axes = torch.linalg.eigh(states[:, others].T @ states[:, others])
    rotation, _ = torch.linalg.qr(torch.randn(n_used, n_used, generator=generator))
    directions = rotation @ axes[:, -n_used:].T
    strength = (STEEPNESS / n_compared) ** 0.5 * size**0.25
    offset = STEEPNESS * (1 - CENTRE) + torch.tensor(2.0).log().item()  # two tokens of the query, one of the document
    for side in (attention.query, attention.key, attention.value):
        side.bias.zero_()
    for head in range(attention.num_attention_heads):
        first = head * size
        for side in (attention.query, attention.key):
            side.weight[first : first + size] = 0.0
            side.weight[first : first + n_compared, others] = (
                strength * directions[head * n_compared : (head + 1) * n_compared]
            )
        # Both factors of a logit have a similar size, so that training disturbs neither much.
        attention.query.bias[first + n_compared] = SPECIAL_ONLY**0.5 * size**0.25
        attention.key.weight[first + n_compared, features.special] = SPECIAL_ONLY**0.5 * size**0.25
        attention.query.bias[first + n_compared + 1] = offset**0.5 * size**0.25
        attention.key.weight[first + n_compared + 1, features.document] = offset**0.5 * size**0.25
        attention.value.weight[first] = 0.0
        attention.value.weight[first, features.document] = 1.0
        attention.value.weight[first, features.query] = -1.0
    writer = layer.attention.output.dense
    writer.weight.zero_()
    writer.bias.zero_()
    writer.weight[features.document, torch.arange(attention.num_attention_heads) * size] = (
        GAIN / attention.num_attention_heads
    )
    layer.output.dense.weight.zero_()
    layer.output.dense.bias.zero_()
    _plain(layer.attention.output.LayerNorm)
    _plain(layer.output.LayerNorm)


def read_out(model: BertForSequenceClassification, features: Features) -> None:
    """Make the classifier pass on the similarity and the share of matched terms that [CLS] holds."""
    pooler = cast("BertPooler", model.bert.pooler).dense
    pooler.weight[:2] = 0.0
    pooler.bias[:2] = 0.0
    pooler.weight[0, features.document] = TANH_SLOPE
    pooler.weight[1, features.matched] = TANH_SLOPE
    pooler.weight[1, features.null] = -TANH_SLOPE
    model.classifier.weight.zero_()
    model.classifier.bias.fill_(-OFFSET)
    model.classifier.weight[0, 0] = SCALE / (TANH_SLOPE * GAIN * STEEPNESS / 2)
    model.classifier.weight[0, 1] = MATCHED_SCALE / TANH_SLOPE


def _plain(norm: nn.LayerNorm) -> None:
    norm.weight.fill_(1.0)
    norm.bias.zero_()
