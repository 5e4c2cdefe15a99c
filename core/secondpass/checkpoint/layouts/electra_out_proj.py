"""ELECTRA whose ranking head is the last linear layer alone, as Capreolus trains it.

The checkpoint has the full ELECTRA head (dense, GELU, out_proj), but its authors' `TFBERTMaxP` reads
`out_proj(CLS)`: dense and GELU are left as they were initialised and not applied (github.com/capreolus-ir/capreolus).
Nothing in the files says so, which is why only a known checkpoint is read this way.
"""

from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.known import lookup
from secondpass.checkpoint.layouts.layout import Layout
from secondpass.checkpoint.plain.model import PlainClassifier, plain_classifier
from secondpass.checkpoint.ranking_model import PretrainedModel, SplitModel
from secondpass.encoder.pooling import Pooling
from secondpass.errors import CheckpointError

_HEAD = "classifier.out_proj"


def _matches(folder: Folder) -> bool:
    """Whether this is a checkpoint known to be used so."""
    known = lookup(folder)
    return known is not None and known.layout == "electra_out_proj"


def _load(folder: Folder) -> PretrainedModel:
    """The ELECTRA transformer and `out_proj`.

    Raises:
        CheckpointError: It is not an ELECTRA classifier, or its weights do not fit.
    """
    from transformers import AutoModelForSequenceClassification

    from secondpass.checkpoint.config import label_names, load_config
    from secondpass.checkpoint.pretrained import backbone_of, load_pretrained

    config = load_config(folder)
    if config.model_type != "electra":
        raise CheckpointError(f"{folder.name} should be an ELECTRA model, but its config says {config.model_type}")
    model = load_pretrained(AutoModelForSequenceClassification, folder, config)
    head = model.get_submodule(_HEAD)
    return SplitModel(backbone_of(model), Pooling.CLS, head, label_names(folder, config))


def _load_plain(folder: Folder) -> PlainClassifier | None:
    """As `_load`, without transformers; None where that cannot be done."""
    return plain_classifier(folder, [_HEAD]) if folder.config.get("model_type") == "electra" else None


LAYOUT = Layout(_matches, _load, _load_plain)
