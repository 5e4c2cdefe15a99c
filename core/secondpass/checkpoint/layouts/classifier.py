"""Checkpoints that `AutoModelForSequenceClassification` loads: BERT, ELECTRA, RoBERTa, DistilBERT, ModernBERT, others.

Those of an architecture in `secondpass.encoder.architectures` are split into transformer and head, so that the
transformer can run packed and in half precision while the head stays in float32. Any other runs through transformers'
own forward.
"""

from torch import nn
from transformers import AutoModelForSequenceClassification

from secondpass.checkpoint.config import label_names, load_config
from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.known import KnownCheckpoint
from secondpass.checkpoint.ranking_model import RankingModel
from secondpass.checkpoint.source import Source
from secondpass.checkpoint.weights import backbone_of, load_pretrained
from secondpass.encoder.architectures import architecture_of
from secondpass.errors import CheckpointError


def matches(folder: Folder, known: KnownCheckpoint | None) -> bool:  # noqa: ARG001 - every family has this signature
    """Every folder: this family is asked last."""
    return True


def load(folder: Folder, source: Source) -> RankingModel:
    """A classifier checkpoint, split into transformer and head where its architecture says how.

    Raises:
        CheckpointError: It is no classifier, or its weights do not fit.
    """
    config = load_config(folder, source)
    architectures = config.architectures or []
    if architectures and not source.trust_remote_code and not any("Classification" in name for name in architectures):
        raise CheckpointError(
            f"{folder.name} has no ranking head: it is a {' or '.join(architectures)}, and a head made up here would "
            "score at random; use a cross-encoder fine-tuned from it, or BiEncoder if it is an embedding model"
        )
    model = load_pretrained(AutoModelForSequenceClassification, folder, source, config)
    labels = label_names(config)
    architecture = architecture_of(config)
    if architecture is None or source.trust_remote_code:
        return RankingModel(model, None, nn.Identity(), labels)
    layers = (model.get_submodule(layer) if isinstance(layer, str) else layer() for layer in architecture.head)
    return RankingModel(backbone_of(model), architecture.pooling(config), nn.Sequential(*layers), labels)
