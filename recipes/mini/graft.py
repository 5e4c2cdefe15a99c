"""Build the cross-encoder that training starts from: one that already computes its bi-encoder, and BM25.

    python graft.py ENCODER LISTS OUT

A fresh head on a bi-encoder forgets first and learns again later. This one loses little: the weights below make a plain
`BertForSequenceClassification` compare the bi-encoder's two mean-pooled embeddings and count matching words, before any
training.

- Six coordinates of the hidden state that matter least become features: the token belongs to the query, it belongs to
  the document, it is [CLS] or [SEP], it is [CLS]; how well it matches; and one that stays zero, to subtract what layer
  norms add to all of them alike. Nothing else writes to them.
- In every layer each head gives its two least useful query-key directions to the segments, so that attention across
  them is weak (not impossible: training can open it). Only [CLS] is seen by both: the encoder puts there the attention
  that it has no use for, and without it a document's embedding has a cosine of 0.7 to what it was.
- In the first layer one head scores matching words as BM25 does (`matching`).
- Every layer gives up the feed-forward units that it needs least (`pruning`): room, in a file of 50 MB, for two layers.
- A pooling layer: attention is uniform within a segment, and the mean of the segment outweighs the token's own state.
  Its feed-forward part makes the features exact again.
- A comparing layer: [CLS] looks at itself and the first [SEP], and at the last [SEP], with weights that grow with the
  dot product of the pooled embeddings, 30 dimensions a head. The value is the segment: what arrives is the similarity.
- The pooler and the classifier pass it on, at `SCALE` a unit of cosine, and the mean of the matches that [CLS] holds.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import matching
import torch
from matching import Record, read_records
from observe import Norm, layers_of, observe
from pruning import prune
from torch import Tensor, nn
from transformers import AutoTokenizer, BertForSequenceClassification, BertModel
from transformers.models.bert.modeling_bert import BertLayer, BertPooler

UNITS = 1280
"""Feed-forward units of a layer, of 1536."""
SPARE = 2
"""Of these, the last ones of a layer, for what is built here."""
APART = 12.0
"""What is taken from a logit of attention across segments, in the layers of the bi-encoder."""
POOLING_APART = 16.0
"""Likewise in the pooling layer."""
TALL = torch.tensor([4.0, 4.0, 6.0, 4.0])
"""Height of the features, in root mean squares of the other coordinates: tall ones stand clear of the noise that norms
add."""
POOLED_SHARE = 10.0
"""Weight of the segment's mean beside the token's own state."""
SPECIAL_ONLY = 12.0
"""How much the logit of a special token exceeds that of another in the comparing layer."""
STEEPNESS = 3.0
"""Logit of attention in the comparing layer per unit of cosine."""
CENTRE = 0.3
"""The cosine at which [CLS] looks at both segments alike."""
GAIN = 3.0
"""How far the similarity moves the feature it is written to."""
TANH_SLOPE = 0.3
SCALE = 20.0
"""The steepest slope of the score, per unit of cosine: the bi-encoder was trained with 20 x cosine."""
MATCHED_SCALE = 6.0
"""What the query's mean of matched terms, in units of the pooled state, adds to the score; chosen on held-out sets."""
OFFSET = 15.5
"""Half-way between the scores of answers and of other passages on held-out questions: taken away, to put it at 0."""
MATCHED_HEIGHT = 0.5
"""Height of a matched term per unit of BM25, in root mean squares of the other coordinates."""
CALIBRATING = 400
"""Records whose first texts show what the encoder does inside."""
EXACT_FROM = 0.15, 0.4
"""A feature minus half of its rivals: below the first value it becomes 0 in the pooling layer, above the second 1."""
FIRST_FROM = 0.25, 0.75
"""The same for [CLS] in the other layers, as shares of what its feature is there."""
_STEEP = 16.0
"""Slope of the units that make a feature exact: their GELUs are straight lines where it matters."""


@dataclass(frozen=True, slots=True)
class Features:
    """The coordinates of the hidden state that hold a feature: what a token is, as 1 or 0 times a height.

    Args:
        query: Of the query, [CLS] and the first [SEP] included.
        document: Of the document, the last [SEP] included.
        special: [CLS] or [SEP].
        first: [CLS].
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
        """What a token is."""
        return [self.query, self.document, self.special, self.first]

    @property
    def all(self) -> list[int]:
        """For indexing."""
        return [*self.flags, self.matched, self.null]


def embed_features(model: BertModel, features: Features, special_ids: list[int], norm: Norm) -> None:
    """Write the features where the embeddings are added up; [CLS] comes first in `special_ids`."""
    parts = model.embeddings
    kinds = parts.token_type_embeddings.weight
    words = parts.word_embeddings.weight
    kinds[1] = kinds[0]
    for table in (words, parts.position_embeddings.weight, kinds):
        table[:, features.all] = 0.0
    query, document, special, cls = (TALL * norm.spread).tolist()
    first = norm.first_spread / norm.spread
    kinds[0, features.query] = query
    kinds[1, features.document] = document
    words[special_ids, features.special] = special
    words[special_ids[0], features.query] = query * (first - 1)
    words[special_ids[0], features.special] = special * first
    words[special_ids[0], features.first] = cls * first
    carry(parts.LayerNorm, features.all, norm, before=norm.spread)


def carry(
    layer_norm: nn.LayerNorm, coordinates: list[int], norm: Norm, *, before: float, after: float | None = None
) -> None:
    """Let a layer norm bring features from one height to another, by default the size of its other outputs."""
    gain = (norm.size if after is None else after) * norm.spread / before
    layer_norm.weight[coordinates] = gain
    layer_norm.bias[coordinates] = gain * norm.offset


def lift_first(layer: BertLayer, features: Features, middle: Norm, last: Norm, *, height: float) -> None:
    """Let the spare units raise the features of [CLS] by what the norms around them take: a ramp from 0 to 1.

    They tell [CLS] by its own feature and give other tokens nothing at all: it would add up over the layers.
    """
    held = middle.spread / middle.first_spread
    wanted = last.first_spread / last.spread
    up, down = layer.intermediate.dense, layer.output.dense
    units = torch.arange(up.out_features - SPARE, up.out_features)
    low, high = FIRST_FROM
    slope = _STEEP / (TALL[3] * height * held)
    up.weight[units, features.first] = slope
    up.weight[units, features.null] = -slope
    up.bias[units] = -_STEEP * torch.tensor([low, high])
    lift = (wanted - held) * height * TALL * torch.tensor([1.0, 0.0, 1.0, 1.0])
    down.weight[torch.tensor(features.flags)[:, None], units] = (
        lift[:, None] * torch.tensor([1.0, -1.0]) / (_STEEP * (high - low))
    )


def keep_out(layer: BertLayer, features: Features) -> None:
    """Let nothing of a layer read the features, or write to them."""
    attention = layer.attention
    for reader in (attention.self.query, attention.self.key, attention.self.value, layer.intermediate.dense):
        reader.weight[:, features.all] = 0.0
    for writer in (attention.output.dense, layer.output.dense):
        writer.weight[features.all] = 0.0
        writer.bias[features.all] = 0.0


def part_segments(layer: BertLayer, features: Features, *, apart: float, height: float) -> None:
    """Give the last two directions of every head to the features of the segments, at TALL times `height`.

    From each feature one of the same noise is taken, on both sides: the noise goes, so that within a segment nothing
    changes at all, and documents see [CLS].
    """
    attention = layer.attention.self
    size = attention.attention_head_size
    slope = apart**0.5 * size**0.25 / (height * float(TALL[0]))
    directions = (
        (features.query, features.null, features.null, features.document),
        (features.document, features.null, features.first, features.query),
    )
    for back, (seen, not_seen, shown, hidden) in enumerate(directions, start=1):
        rows = torch.arange(1, attention.num_attention_heads + 1) * size - back
        for side, plus, minus in ((attention.query, seen, not_seen), (attention.key, shown, hidden)):
            side.weight[rows] = 0.0
            side.bias[rows] = 0.0
            side.weight[rows, plus] = slope
            side.weight[rows, minus] = -slope


def order_directions(layer: BertLayer, queries: Tensor, keys: Tensor) -> None:
    """Turn the query-key space of every head so that its directions come in the order of what they do to the logits.

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
        for side, turn in (
            (attention.query, root * (u.T @ torch.linalg.inv(left))),
            (attention.key, root * (vt @ torch.linalg.inv(right))),
        ):
            side.weight[rows] = turn @ side.weight[rows]
            side.bias[rows] = turn @ side.bias[rows]


def pool(layer: BertLayer, features: Features, norm: Norm, *, height: float) -> None:
    """Make a layer replace every token by its segment's mean, scaled to unit size, and its features by exact ones."""
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
    # A token whose state is small has all its features large, false ones too: so they are compared with each other.
    rivals = [features.document], [features.query], [features.query, features.document]
    for place, (coordinate, others) in enumerate(zip(features.flags[:3], rivals, strict=True)):
        # gelu(x) - gelu(-x) = x takes the old value away; two units make the ramp from 0 to 1.
        low, high = EXACT_FROM
        units = torch.arange(4) + 4 * place
        up.weight[units] = 0.0
        up.weight[units, coordinate] = _STEEP * torch.tensor([1.0, -1.0, 1.0, 1.0])
        up.weight[units[2:, None], others] = -_STEEP / 2
        up.bias[units] = _STEEP * torch.tensor([0.0, 0.0, -low, -high])
        ramp = 1 / (high - low)
        down.weight[coordinate, units] = torch.tensor([-1.0, 1.0, ramp, -ramp]) / _STEEP
    _plain(layer.output.LayerNorm)


def compare(layer: BertLayer, features: Features, states: Tensor, generator: torch.Generator) -> None:
    """Make a layer write the similarity of both segments into the document feature of [CLS].

    Args:
        layer: What to change.
        features: Where they are.
        states: What the bi-encoder makes of sample tokens: the directions of least variance are left out.
            Shape: (n_tokens, hidden).
        generator: Deals out the directions to the heads.
    """
    attention, size = layer.attention.self, layer.attention.self.attention_head_size
    keep_out(layer, features)
    hidden = attention.query.in_features
    n_kept = size - 2
    others = torch.ones(hidden, dtype=torch.bool)
    others[features.all] = False
    n_used = n_kept * attention.num_attention_heads
    _, axes = torch.linalg.eigh(states[:, others].T @ states[:, others])
    turn, _ = torch.linalg.qr(torch.randn(n_used, n_used, generator=generator))
    directions = turn @ axes[:, -n_used:].T
    strength = (STEEPNESS / n_kept) ** 0.5 * size**0.25
    offset = STEEPNESS * (1 - CENTRE) + torch.tensor(2.0).log().item()  # two tokens of the query, one of the document
    for side in (attention.query, attention.key, attention.value):
        side.bias.zero_()
    for head in range(attention.num_attention_heads):
        first = head * size
        for side in (attention.query, attention.key):
            side.weight[first : first + size] = 0.0
            side.weight[first : first + n_kept, others] = strength * directions[head * n_kept : (head + 1) * n_kept]
        # Both factors of a logit of like size: training then disturbs neither much.
        attention.query.bias[first + n_kept] = SPECIAL_ONLY**0.5 * size**0.25
        attention.key.weight[first + n_kept, features.special] = SPECIAL_ONLY**0.5 * size**0.25
        attention.query.bias[first + n_kept + 1] = offset**0.5 * size**0.25
        attention.key.weight[first + n_kept + 1, features.document] = offset**0.5 * size**0.25
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
    """Make the head pass on the similarity and the share of matched terms that [CLS] holds."""
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


def pooled(states: Tensor, mask: Tensor) -> Norm:
    """What the pooling layer's first norm will see."""
    shares = mask[..., None] / mask.sum(dim=1)[:, None, None]
    mixed = (states + POOLED_SHARE * (states * shares).sum(dim=1, keepdim=True))[mask.bool()]
    spread = mixed.std(dim=-1)
    return Norm(float(spread.mean()), float(spread.mean()), float((mixed.mean(dim=-1) / spread).mean()), 1.0)


@torch.no_grad()
def graft(folder: Path, records: list[Record]) -> tuple[BertForSequenceClassification, Features]:
    """The cross-encoder; the records are samples to calibrate with, and to learn words from."""
    encoder = BertModel.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    texts = [text for record in records[:CALIBRATING] for text in (record.query, record.documents[0])]
    batch = dict(tokenizer(texts, padding=True, truncation=True, max_length=128, return_tensors="pt"))
    prune(encoder, batch, UNITS, spare=SPARE)
    old = layers_of(encoder)
    seen = observe(encoder, batch)
    features = Features(*seen.use.argsort()[:6].tolist())

    config = encoder.config
    config.update({"num_hidden_layers": len(old) + 2, "num_labels": 1})
    torch.manual_seed(0)
    model = BertForSequenceClassification(config).eval()
    model.bert.embeddings.load_state_dict(encoder.embeddings.state_dict())
    new = layers_of(model.bert)
    for target, source in zip(new, [*old, old[-1], old[-1]], strict=True):
        target.load_state_dict(source.state_dict())

    special_ids = [tokenizer.cls_token_id, tokenizer.sep_token_id]
    embed_features(model.bert, features, special_ids, seen.norms["embeddings.LayerNorm"])
    height = seen.norms["embeddings.LayerNorm"].size
    for index, layer in enumerate(new[: len(old)]):
        middle, last = (
            seen.norms[f"encoder.layer.{index}.{name}.LayerNorm"] for name in ("attention.output", "output")
        )
        keep_out(layer, features)
        order_directions(layer, seen.queries[index], seen.keys[index])
        part_segments(layer, features, apart=APART, height=height)
        if index == 0:
            head = matching.fit(
                model.bert.embeddings, tokenizer, records, head_dim=layer.attention.self.attention_head_size
            )
            matching.write(head, layer, seen.contexts, coordinate=features.matched, unit=MATCHED_HEIGHT * height)
        carry(layer.attention.output.LayerNorm, features.all, middle, before=height)
        lift_first(layer, features, middle, last, height=middle.size)
        carry(layer.output.LayerNorm, features.all, last, before=middle.size)
        height = last.size
    *_, pooling, comparing = new
    states = encoder(**batch).last_hidden_state
    pool(pooling, features, pooled(states, batch["attention_mask"]), height=height)
    compare(comparing, features, states[batch["attention_mask"].bool()], torch.Generator().manual_seed(0))
    read_out(model, features)
    return model, features


def main() -> None:
    """Read the arguments, build, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("encoder", type=Path)
    parser.add_argument("lists", type=Path, help="folder of JSONL with a query and documents a line, to calibrate with")
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    model, _ = graft(arguments.encoder, read_records(arguments.lists))
    model.save_pretrained(arguments.out)
    AutoTokenizer.from_pretrained(arguments.encoder).save_pretrained(arguments.out)


if __name__ == "__main__":
    main()
