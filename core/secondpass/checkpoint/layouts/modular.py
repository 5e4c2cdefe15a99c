"""sentence-transformers' modular cross-encoders (5.4 and later): Transformer, Pooling, then layers up to the scores."""

from torch import nn

from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.layouts.layout import Layout
from secondpass.checkpoint.plain.model import PlainClassifier, plain_backbone
from secondpass.checkpoint.ranking_model import PretrainedModel, SplitModel
from secondpass.checkpoint.st_modules import is_cross_encoder, layers_of, module_specs, pooling_of
from secondpass.encoder.pooling import Pooling
from secondpass.errors import CheckpointError


def _matches(folder: Folder) -> bool:
    """Whether the folder lists modules that end in pooling rather than in a transformers head."""
    return any(spec.kind == "Pooling" for spec in module_specs(folder))


def _load(folder: Folder) -> PretrainedModel:
    """The transformer, its pooling, and the layers behind it as the head.

    Raises:
        CheckpointError: The folder is a bi-encoder, or a module has no place in a ranking head.
    """
    from transformers import AutoModel

    from secondpass.checkpoint.config import load_config
    from secondpass.checkpoint.pretrained import load_pretrained

    pooling, head, labels = _head(folder)
    return SplitModel(load_pretrained(AutoModel, folder, load_config(folder)), pooling, head, labels)


def _load_plain(folder: Folder) -> PlainClassifier | None:
    """As `_load`, without transformers; None where that cannot be done."""
    pooling, head, labels = _head(folder)
    backbone = plain_backbone(folder, pooling)
    return None if backbone is None else PlainClassifier(backbone, pooling, head, labels)


def _head(folder: Folder) -> tuple[Pooling, nn.Module, dict[int, str]]:
    """What follows the transformer, and the names of its outputs.

    Raises:
        CheckpointError: The folder is a bi-encoder, or a module has no place in a ranking head.
    """
    if not is_cross_encoder(folder):
        raise CheckpointError(
            f"{folder.name} is a bi-encoder: it embeds texts one by one and has no head for pairs; "
            "use secondpass.BiEncoder"
        )
    transformer, pooling, *layers = module_specs(folder)
    if transformer.kind != "Transformer" or transformer.path or pooling.kind != "Pooling":
        raise CheckpointError(f"{folder.name}: modules must begin with Transformer and Pooling")
    head = layers_of(folder, layers)
    if not layers or layers[-1].kind != "Dense":
        raise CheckpointError(f"{folder.name}: the last module must be the Dense layer that gives the scores")
    last = [layer for layer in head.modules() if isinstance(layer, nn.Linear)][-1]
    n_labels = last.out_features
    labels = {index: f"LABEL_{index}" for index in range(n_labels)}
    return pooling_of(folder, pooling), head, labels


LAYOUT = Layout(_matches, _load, _load_plain)
