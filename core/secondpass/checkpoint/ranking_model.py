"""What every layout of checkpoints comes down to: a transformer, which of its states to read, and a head."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn
from transformers import PreTrainedModel

from secondpass.encoder.pooling import Pooling

__all__ = ["Pooling", "RankingModel"]


@dataclass(frozen=True, slots=True)
class RankingModel:
    """A checkpoint's networks, in float32 on the CPU, in evaluation mode.

    Args:
        backbone: The transformer; its last hidden states are pooled and given to `head`. With `pooling` None it is a
            whole classifier, whose own forward gives the logits.
        pooling: Which state the head reads; None for a whole classifier.
        head: Pooled states, shape (n_pairs, hidden), to logits, shape (n_pairs, n_labels).
        labels: Name of each column of the logits.
    """

    backbone: PreTrainedModel
    pooling: Pooling | None
    head: nn.Module
    labels: Mapping[int, str]
