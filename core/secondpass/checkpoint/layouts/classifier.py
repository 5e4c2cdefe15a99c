"""Checkpoints that `AutoModelForSequenceClassification` loads: BERT, ELECTRA, RoBERTa, DistilBERT, ModernBERT, others.

Architectures that the encoder knows are split into transformer and head, so that the transformer can run packed and in
half precision while the head stays in float32. Any other architecture runs through transformers' own forward.
"""

from torch import nn

from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.layouts.layout import Layout
from secondpass.checkpoint.plain.model import PlainClassifier, plain_classifier
from secondpass.checkpoint.ranking_model import PretrainedModel, SplitModel, WholeModel
from secondpass.checkpoint.st_modules import module_specs
from secondpass.encoder.architectures import architecture_of
from secondpass.errors import CheckpointError


def _load(folder: Folder) -> PretrainedModel:
    """A classifier checkpoint, split into transformer and head where its architecture says how.

    Raises:
        CheckpointError: It is not a classifier, or its weights do not fit.
    """
    from transformers import AutoModelForSequenceClassification

    from secondpass.checkpoint.config import label_names, load_config
    from secondpass.checkpoint.pretrained import backbone_of, load_pretrained

    _check_modules(folder)
    config = load_config(folder)
    architectures = folder.architectures
    # An adapter may bring a head; what is still missing then, loading finds out.
    has_head = not architectures or folder.is_classifier or folder.has_adapter
    if not has_head and not folder.runs_code:
        raise CheckpointError(
            f"{folder.name} has no ranking head: it is a {' or '.join(architectures)}, and a head made up here would "
            "score at random; use a cross-encoder fine-tuned from it, or BiEncoder if it is an embedding model"
        )
    model = load_pretrained(AutoModelForSequenceClassification, folder, config)
    labels = label_names(folder, model.config)
    architecture = architecture_of(model.config)
    if architecture is None or architecture.head is None or folder.runs_code:
        return WholeModel(model, labels, names_padding=model.config.pad_token_id is not None)
    head = architecture.head(model.config)
    layers = (model.get_submodule(layer) if isinstance(layer, str) else layer() for layer in head)
    return SplitModel(backbone_of(model), architecture.pooling(model.config), nn.Sequential(*layers), labels)


def _load_plain(folder: Folder) -> PlainClassifier | None:
    """As `_load`, without transformers; None where that cannot be done."""
    _check_modules(folder)
    return plain_classifier(folder)


def _check_modules(folder: Folder) -> None:
    specs = module_specs(folder)
    if specs and (len(specs) > 1 or specs[0].kind != "Transformer" or specs[0].path):
        kinds = ", ".join(spec.kind for spec in specs)
        raise CheckpointError(f"{folder.name}: modules.json must list one Transformer for a classifier, got {kinds}")


# Asked last, so that it takes every folder that nothing else takes.
LAYOUT = Layout(lambda _: True, _load, _load_plain)
