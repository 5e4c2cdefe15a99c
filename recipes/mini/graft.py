"""Build the cross-encoder that training starts from: one that already computes its bi-encoder, and BM25.

    python graft.py ENCODER LISTS OUT

A fresh head on a bi-encoder makes training forget first and learn again later. This one loses little: the weights below
make a plain `BertForSequenceClassification` compare the bi-encoder's two mean-pooled embeddings and count matching
words, before any training.

- Six coordinates of the hidden state that matter least become features (`features`): the token belongs to the query, it
  belongs to the document, it is [CLS] or [SEP], it is [CLS]; how well it matches; and one that stays zero, to subtract
  what layer norms add to all of them alike. Nothing else writes to them.
- In every layer each head gives its two least useful query-key directions to the segments, so that attention across
  them is weak (not impossible: training can open it). Only [CLS] is seen by both: the encoder puts there the attention
  that it has no use for, and without it a document's embedding has a cosine of 0.7 to what it was.
- In the first layer one head scores matching words as BM25 does (`matching`).
- Every layer gives up the feed-forward units that it needs least (`pruning`): room, in a file of 50 MB, for two layers.
- A pooling layer (`comparing`): attention is uniform within a segment, and the mean of the segment outweighs the
  token's own state. Its feed-forward part makes the features exact again.
- A comparing layer: [CLS] looks at itself and the first [SEP], and at the last [SEP], with weights that grow with the
  dot product of the pooled embeddings, 30 dimensions a head. The value is the segment: what arrives is the similarity.
- The pooler and the classifier pass it on, at `SCALE` a unit of cosine, and the mean of the matches that [CLS] holds.
"""

import argparse
from pathlib import Path

import matching
import torch
from comparing import compare, norm_of_pooled, pool, read_out
from features import (
    SPARE,
    Features,
    carry,
    embed_features,
    keep_out,
    lift_first,
    order_directions,
    part_segments,
)
from matching import Record, read_records
from observe import layers_of, observe
from pruning import prune
from transformers import AutoTokenizer, BertForSequenceClassification, BertModel

# Feed-forward units per layer, of 1536, the spare ones included.
UNITS = 1280
# How much is taken from a logit of attention across segments, in the layers of the bi-encoder.
APART = 12.0
# Height of a matched term per unit of BM25, in root mean squares of the other coordinates.
MATCHED_HEIGHT = 0.5
# Records whose first texts show what the encoder does inside.
N_SAMPLES = 400


@torch.no_grad()
def graft(folder: Path, records: list[Record]) -> tuple[BertForSequenceClassification, Features]:
    """Build the cross-encoder; the records are samples to fit it to, and to learn words from."""
    encoder = BertModel.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    texts = [text for record in records[:N_SAMPLES] for text in (record.query, record.documents[0])]
    batch = dict(tokenizer(texts, padding=True, truncation=True, max_length=128, return_tensors="pt"))
    prune(encoder, batch, UNITS, spare=SPARE)
    old = layers_of(encoder)
    statistics = observe(encoder, batch)
    features = Features(*statistics.use.argsort()[:6].tolist())

    config = encoder.config
    config.update({"num_hidden_layers": len(old) + 2, "num_labels": 1})
    torch.manual_seed(0)
    model = BertForSequenceClassification(config).eval()
    model.bert.embeddings.load_state_dict(encoder.embeddings.state_dict())
    new = layers_of(model.bert)
    for target, source in zip(new, [*old, old[-1], old[-1]], strict=True):
        target.load_state_dict(source.state_dict())

    special_ids = [tokenizer.cls_token_id, tokenizer.sep_token_id]
    embed_features(model.bert, features, special_ids, statistics.norms["embeddings.LayerNorm"])
    height = statistics.norms["embeddings.LayerNorm"].size
    for index, layer in enumerate(new[: len(old)]):
        middle, last = (
            statistics.norms[f"encoder.layer.{index}.{name}.LayerNorm"] for name in ("attention.output", "output")
        )
        keep_out(layer, features)
        order_directions(layer, statistics.queries[index], statistics.keys[index])
        part_segments(layer, features, apart=APART, height=height)
        if index == 0:
            head = matching.fit(
                model.bert.embeddings, tokenizer, records, head_dim=layer.attention.self.attention_head_size
            )
            matching.write(head, layer, statistics.contexts, coordinate=features.matched, unit=MATCHED_HEIGHT * height)
        carry(layer.attention.output.LayerNorm, features.all, middle, before=height)
        lift_first(layer, features, middle, last, height=middle.size)
        carry(layer.output.LayerNorm, features.all, last, before=middle.size)
        height = last.size
    *_, pooling, comparing = new
    states = encoder(**batch).last_hidden_state
    pool(pooling, features, norm_of_pooled(states, batch["attention_mask"]), height=height)
    compare(comparing, features, states[batch["attention_mask"].bool()], torch.Generator().manual_seed(0))
    read_out(model, features)
    return model, features


def main() -> None:
    """Read the arguments, build, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("encoder", type=Path)
    parser.add_argument("lists", type=Path, help="folder of JSONL with a query and documents per line, to fit to")
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    model, _ = graft(arguments.encoder, read_records(arguments.lists))
    model.save_pretrained(arguments.out)
    AutoTokenizer.from_pretrained(arguments.encoder).save_pretrained(arguments.out)


if __name__ == "__main__":
    main()
