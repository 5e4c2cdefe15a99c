"""Heads with several labels: which one means relevant, and how its logit follows from all of them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from secondpass.errors import InputError
from secondpass.errors.caller_warnings import warn_caller

# Names that published rerankers give to their relevant label, in lower case without separators.
_RELEVANT_NAMES = {"relevant", "yes", "entailment", "hasanswer", "positive", "true", "isrelevant", "match"}


def relevance_logit(logits: Tensor, label: int) -> Tensor:
    """The logit of the relevant label's probability among all labels.

    One label: its logit. Several: `l[label] - logsumexp(of the others)`, whose sigmoid is the softmax probability of
    the label; with two labels this is the plain difference.

    Args:
        logits: Raw head output. Shape: (n_pairs, n_labels).
        label: The relevant column.

    Returns:
        Shape: (n_pairs,).
    """
    relevant = logits[:, label]
    if logits.shape[1] == 1:
        return relevant
    others = torch.cat([logits[:, :label], logits[:, label + 1 :]], dim=1)
    return relevant - (others[:, 0] if others.shape[1] == 1 else others.logsumexp(dim=1))


@dataclass(frozen=True, slots=True)
class Relevance:
    """How the logits of a head become the one that documents are ordered by.

    Args:
        label: The relevant column.
        exclusive: Whether one of the labels is true of a pair, and no other. Where each is true or not by itself
            (a stated sigmoid, or `multi_label_classification`), its own logit is all there is to know.
    """

    label: int
    exclusive: bool = True

    def __call__(self, logits: Tensor) -> Tensor:
        """Shape: (n_pairs, n_labels) -> (n_pairs,)."""
        return relevance_logit(logits, self.label) if self.exclusive else logits[:, self.label]


def relevance_logits(logits: Tensor) -> Tensor:
    """Each label's `relevance_logit`, for those who read a head without saying which label means relevant.

    Args:
        logits: Raw head output. Shape: (n_pairs, n_labels).

    Returns:
        Shape: (n_pairs, n_labels).
    """
    return torch.stack([relevance_logit(logits, label) for label in range(logits.shape[1])], dim=1)


def find_label(label: int | str, n_labels: int, names: Mapping[int, str]) -> int:
    """The column a caller asked for by index or by name, whose case matters only where names differ in nothing else.

    Raises:
        InputError: The head has no such label, or more than one.
    """
    if isinstance(label, str):
        exact = [index for index, name in names.items() if name == label]
        columns = exact or [index for index, name in names.items() if name.casefold() == label.casefold()]
        if not columns:
            raise InputError(f"label must be one of {list(names.values())}, got {label!r}")
        if len(columns) > 1:
            raise InputError(f"label must be an index where a name is that of several, got {label!r}: labels {columns}")
        return columns[0]
    if not 0 <= label < n_labels:
        rule = "0, the only one" if n_labels == 1 else f"from 0 to {n_labels - 1} for a head of {n_labels} labels"
        raise InputError(f"label must be {rule}, got {label}")
    return label


def resolve_label(name: str, n_labels: int, names: Mapping[int, str], known: int | None) -> int:
    """The relevant column, from what is known of the checkpoint, its label names, or else column 1 with a warning.

    Args:
        name: The checkpoint, for the warning.
        n_labels: Columns of the head.
        names: The config's id2label.
        known: The relevant column of a checkpoint we know.
    """
    if n_labels == 1:
        return 0
    if known is not None:
        return known
    relevant = [i for i, label in names.items() if re.sub(r"[\W_]", "", label.casefold()) in _RELEVANT_NAMES]
    if len(relevant) == 1 and relevant[0] < n_labels:
        return relevant[0]
    warn_caller(
        f"{name} has {n_labels} labels ({', '.join(names.values())}) and does not say which one means relevant: "
        "taking label 1; pass label= to choose",
        UserWarning,
    )
    return 1
