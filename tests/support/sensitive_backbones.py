"""BERTs in which one part's rounding is all that a score shows, and the same BERT without that."""

from typing import cast

import torch
from random_backbones import random_model
from torch import Tensor, nn
from transformers import BertForSequenceClassification, BertModel
from transformers.models.bert.modeling_bert import BertLayer, BertPooler

# What the score is the difference of.
MINUEND, SUBTRAHEND = 3, 11
# The part that writes both.
SENSITIVE_PART = "layers.1.attention"
# How much larger than what they differ by.
_LARGE = 300.0
# A coordinate that is larger still, and constant, so that normalisation scales every score alike.
_CONSTANT = 20


def difference(pooled: Tensor) -> Tensor:
    """The score. Shape: (n_pairs, hidden) -> (n_pairs,)."""
    return pooled[:, MINUEND] - pooled[:, SUBTRAHEND]


def ordinary_backbone(**config: object) -> BertModel:
    """Three layers, of which the last passes its states on; the layer before writes the score."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        model = cast("BertModel", random_model("bert", **config))
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=0.3)
        first, middle, last = _layers(model)
        # Layers this narrow round coarsely: a first one that does little leaves the score to the middle one.
        first.attention.output.dense.weight *= 0.01
        first.output.dense.weight *= 0.01
        # Attention that is spread over more tokens, so that their errors level out.
        middle.attention.self.query.weight *= 0.06
        _silence(last.attention.output.dense, slice(None))
        _silence(last.output.dense, slice(None))
        _silence(middle.output.dense, [MINUEND, SUBTRAHEND])
    return model


def sensitive_backbone(*, large: float = _LARGE, **config: object) -> BertModel:
    """As the ordinary one, but what attention writes into both coordinates is nearly the same, and large.

    In 8 bits a row of weights has 255 steps from its smallest to its largest, so that what the rows differ by, a
    three-hundredth of them, is lost; float32 has it to four digits. `large` is how much larger than that they are.
    """
    model = ordinary_backbone(**config)
    with torch.no_grad():
        out = _layers(model)[1].attention.output.dense
        common = large * out.weight[MINUEND]
        out.weight[MINUEND] = common
        out.weight[SUBTRAHEND] += common
        out.bias[_CONSTANT] = 10 * large
    return model


def two_label_classifier(**config: object) -> BertForSequenceClassification:
    """A classifier with logits `common` and `common + own`, of which `own` is a thousandth of `common`.

    A layer makes it as the difference of large numbers, so that half precision leaves nothing of it; `common` it keeps.
    """
    backbone = ordinary_backbone(num_labels=2, **config)
    model = BertForSequenceClassification(backbone.config)
    with torch.no_grad():
        up, down = _layers(backbone)[1].intermediate.dense, _layers(backbone)[1].output.dense
        own = up.weight[0].clone()
        up.weight[:2] = _LARGE * up.weight[1]
        up.weight[1] += own
        up.bias[:2] = 10 * _LARGE  # far above 0, where the nonlinearity changes nothing
        _silence(down, slice(None))
        # Written with both signs, and beside large constants, so that normalisation moves nothing else.
        down.weight[MINUEND, :2] = torch.tensor([-1.0, 1.0])
        down.weight[MINUEND + 1] = -down.weight[MINUEND]
        down.bias[_CONSTANT], down.bias[_CONSTANT + 1] = 10 * _LARGE, -10 * _LARGE
        model.bert.load_state_dict(backbone.state_dict())
        pooler, classifier = cast("BertPooler", model.bert.pooler).dense, model.classifier
        _silence(pooler, slice(None))
        _silence(classifier, slice(None))
        pooler.weight[0, SUBTRAHEND] = pooler.weight[1, MINUEND] = 0.1
        classifier.weight[:, 0] = 10_000.0
        classifier.weight[1, 1] = 10.0
    return model


def classifier_of(backbone: BertModel) -> BertForSequenceClassification:
    """The backbone with a head that reads the score."""
    model = BertForSequenceClassification(backbone.config)
    model.bert.load_state_dict(backbone.state_dict())
    with torch.no_grad():
        pooler, classifier = cast("BertPooler", model.bert.pooler).dense, model.classifier
        _silence(pooler, slice(None))
        _silence(classifier, slice(None))
        pooler.weight[0, MINUEND] = 0.1
        pooler.weight[0, SUBTRAHEND] = -0.1
        classifier.weight[0, 0] = 10.0
    return model


def _layers(model: BertModel) -> list[BertLayer]:
    return cast("list[BertLayer]", list(model.encoder.layer))


def _silence(linear: nn.Linear, rows: slice | list[int]) -> None:
    linear.weight[rows] = 0.0
    linear.bias[rows] = 0.0
