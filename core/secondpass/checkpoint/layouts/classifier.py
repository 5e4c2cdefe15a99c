"""Checkpoints that `AutoModelForSequenceClassification` loads: BERT, ELECTRA, RoBERTa, DistilBERT, ModernBERT, others.

The architectures in the table below are split into transformer and head, so that the transformer can run packed and in
half precision while the head stays in float32. Any other architecture runs through transformers' own forward.
"""

from torch import nn
from transformers import AutoModelForSequenceClassification

from secondpass.checkpoint.config import label_names, load_config
from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.layouts.layout import Layout
from secondpass.checkpoint.ranking_model import Pooling, RankingModel
from secondpass.checkpoint.weights import backbone_of, load_pretrained
from secondpass.errors import CheckpointError

# model_type: the layers between the pooled state and the logits, as paths in the loaded model or as functions between
# them. Dropout is left out, as always in evaluation.
_HEADS: dict[str, tuple[str | type[nn.Module], ...]] = {
    "bert": ("bert.pooler.dense", nn.Tanh, "classifier"),
    "electra": ("classifier.dense", nn.GELU, "classifier.out_proj"),
    "roberta": ("classifier.dense", nn.Tanh, "classifier.out_proj"),
    "xlm-roberta": ("classifier.dense", nn.Tanh, "classifier.out_proj"),
    "camembert": ("classifier.dense", nn.Tanh, "classifier.out_proj"),
    "distilbert": ("pre_classifier", nn.ReLU, "classifier"),
    "modernbert": ("head", "classifier"),
}


def _load(folder: Folder) -> RankingModel:
    """A classifier checkpoint, split into transformer and head where the table knows how.

    Raises:
        CheckpointError: It is not a classifier, or its weights do not fit.
    """
    config = load_config(folder)
    architectures = config.architectures or []
    has_head = not architectures or any("Classification" in name for name in architectures)
    if not has_head and not folder.hub.trust_remote_code:
        raise CheckpointError(
            f"{folder.name} has no ranking head: it is a {' or '.join(architectures)}, and a head made up here would "
            "score at random; use a cross-encoder fine-tuned from it, or BiEncoder if it is an embedding model"
        )
    model = load_pretrained(AutoModelForSequenceClassification, folder, config)
    labels = label_names(config)
    layers = _HEADS.get(config.model_type)
    if layers is None or folder.hub.trust_remote_code:
        return RankingModel(model, None, nn.Identity(), labels)
    pooling = Pooling(config.classifier_pooling) if config.model_type == "modernbert" else Pooling.CLS
    head = nn.Sequential(*(model.get_submodule(layer) if isinstance(layer, str) else layer() for layer in layers))
    return RankingModel(backbone_of(model), pooling, head, labels)


# Asked last, so that it takes every folder that nothing else takes.
LAYOUT = Layout(lambda _: True, _load)
