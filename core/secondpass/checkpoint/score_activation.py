"""Which function turns a logit into the score that a checkpoint's authors publish."""

from enum import StrEnum

import torch
from torch import Tensor

from secondpass.checkpoint.folder import Folder
from secondpass.errors import CheckpointError


class ScoreActivation(StrEnum):
    """A monotone function of the relevance logit: it changes the unit of scores, never the order of documents.

    Where it rounds different logits to the same score, the logits are the raw scores, which order them.
    """

    IDENTITY = "identity"
    """Logit, unbounded."""
    SIGMOID = "sigmoid"
    """Probability, 0 to 1."""
    TANH = "tanh"
    """-1 to 1."""

    def __call__(self, logits: Tensor) -> Tensor:
        """The scores of float32 logits, in the same shape."""
        match self:
            case ScoreActivation.IDENTITY:
                return logits
            case ScoreActivation.SIGMOID:
                return torch.sigmoid(logits)
            case ScoreActivation.TANH:
                return torch.tanh(logits)


# Checkpoints name classes by dotted path. Only these are understood and nothing is ever imported. A softmax over
# several labels is the sigmoid of the relevance logit as `labels` defines it.
_KNOWN_CLASSES = {
    "Identity": ScoreActivation.IDENTITY,
    "Sigmoid": ScoreActivation.SIGMOID,
    "Softmax": ScoreActivation.SIGMOID,
    "Tanh": ScoreActivation.TANH,
}


def stated_activation(folder: Folder) -> object:
    """What a checkpoint names as its activation, a dotted class path as a rule; None where it names nothing.

    The first that is set counts: `activation_fn` of config_sentence_transformers.json, `sentence_transformers.
    activation_fn` of config.json, `sbert_ce_default_activation_function` of config.json (before sentence-transformers
    4.0).
    """
    nested = folder.config.get("sentence_transformers")
    stated = (
        folder.sentence_transformers_config.get("activation_fn"),
        nested.get("activation_fn") if isinstance(nested, dict) else None,
        folder.config.get("sbert_ce_default_activation_function"),
    )
    return next((path for path in stated if path is not None), None)


def states_exclusive(folder: Folder) -> bool | None:
    """Whether a checkpoint's activation says that one label alone is true of a pair; None where it leaves that open.

    A softmax is of one label among all, a sigmoid or tanh of each label by itself.
    """
    return {"Softmax": True, "Sigmoid": False, "Tanh": False}.get(_torch_class(stated_activation(folder)) or "")


def resolve_activation(folder: Folder, n_labels: int, default: ScoreActivation | None = None) -> ScoreActivation:
    """The activation a checkpoint states, else `default`, else sentence-transformers' default.

    That is sigmoid for one label and identity for several.

    Raises:
        CheckpointError: The checkpoint names something other than the known functions.
    """
    path = stated_activation(folder)
    if path is not None:
        return _activation_named(path, folder, n_labels)
    if default is not None:
        return default
    return ScoreActivation.SIGMOID if n_labels == 1 else ScoreActivation.IDENTITY


def _activation_named(path: object, folder: Folder, n_labels: int) -> ScoreActivation:
    """The activation behind a dotted class path such as `torch.nn.modules.linear.Identity`.

    Raises:
        CheckpointError: The path is not one of torch's known activations, nothing is imported to find out; or it makes
            every score the same.
    """
    name = _torch_class(path)
    if name == "Softmax" and n_labels == 1:
        raise CheckpointError(
            f"{folder.name}: activation_fn must not be Softmax for a head of one label, whose every score would be 1; "
            'pass activation="identity" or "sigmoid"'
        )
    if name in _KNOWN_CLASSES:
        return _KNOWN_CLASSES[name]
    raise CheckpointError(
        f"{folder.name}: activation_fn must be one of torch.nn's {', '.join(sorted(_KNOWN_CLASSES))}, got {path!r}; "
        'pass activation="identity" or "sigmoid" to score it all the same'
    )


def _torch_class(path: object) -> str | None:
    """The class of torch's that a dotted path names; None where it names something else."""
    module, _, name = path.rpartition(".") if isinstance(path, str) else ("", "", "")
    return name if module == "torch.nn" or module.startswith("torch.nn.modules.") else None
