"""What every layout of checkpoints comes down to: a transformer with its head, together or apart."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from torch import nn

from secondpass.checkpoint.plain.model import PlainClassifier
from secondpass.encoder.architectures import Architecture, architecture_of
from secondpass.encoder.pooling import Pooling

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True, slots=True)
class SplitModel:
    """A transformer and the head behind it, on the CPU, in evaluation mode.

    Args:
        backbone: The transformer, in float32 or as `load_pretrained` says; its last hidden states are pooled and given
            to `head`.
        pooling: Which state the head reads.
        head: In float32: pooled states, shape (n_pairs, hidden), to logits, shape (n_pairs, n_labels).
        labels: Name of each column of the logits.
        blank_id: The padding token that a causal model reads where a text has no token; None where its state is zeros.
        ignored_id: A token that does not count at the end of a text; None where every token does.
        reads_types: Whether token types are among the inputs of its own forward; see `PaddedModel`.
    """

    backbone: "PreTrainedModel"
    pooling: Pooling
    head: nn.Module
    labels: Mapping[int, str]
    blank_id: int | None = None
    ignored_id: int | None = None
    reads_types: bool = True


@dataclass(frozen=True, slots=True)
class WholeModel:
    """A classifier whose own forward gives the logits, on the CPU, in evaluation mode.

    Args:
        backbone: Transformer and head in one, in float32 or as `load_pretrained` says.
        labels: Name of each column of the logits.
        names_padding: Whether its own config names the padding token. On a causal model it reads a text's last token
            that is another one, else its last token, whatever that is.
        reads_types: As in `SplitModel`.
    """

    backbone: "PreTrainedModel"
    labels: Mapping[int, str]
    names_padding: bool = True
    reads_types: bool = True

    def split(self) -> SplitModel | None:
        """Transformer and head of a causal model; None where the encoder does not know it or an option of it."""
        split = _causal_split(self, lambda architecture: architecture.causal_classifier_head)
        if split is None:
            return None
        return replace(split, ignored_id=self.backbone.config.pad_token_id if self.names_padding else None)


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """A causal language model whose own forward gives the logits of a few answers, on the CPU.

    Args:
        backbone: Transformer and language-model head in one, in float32 or as `load_pretrained` says; of the head only
            the answers' rows are left.
        labels: Name of each column of the logits; the last one means relevant.
        reads_types: As in `SplitModel`.
    """

    backbone: "PreTrainedModel"
    labels: Mapping[int, str]
    reads_types: bool = True

    def split(self) -> SplitModel | None:
        """Transformer and head, which reads the last token; None where the encoder does not know it or an option of it.

        A head that does more with its logits, such as a soft cap, stays with its transformer: no architecture names it.
        """
        return _causal_split(self, lambda architecture: architecture.language_head)


def _causal_split(model: WholeModel | LanguageModel, head: Callable[[Architecture], str | None]) -> SplitModel | None:
    from secondpass.checkpoint.pretrained import backbone_of

    config = model.backbone.config
    architecture = architecture_of(config)
    path = None if architecture is None else head(architecture)
    spec = None if architecture is None else architecture.spec(config)
    if path is None or spec is None or not spec.layers:
        return None
    # Where no padding token is named, 0 stands for it.
    padding_id = config.pad_token_id or 0
    return SplitModel(
        backbone_of(model.backbone),
        Pooling.LAST,
        model.backbone.get_submodule(path).float(),
        model.labels,
        blank_id=padding_id if 0 <= padding_id < config.vocab_size else None,
        reads_types=model.reads_types,
    )


PretrainedModel: TypeAlias = SplitModel | WholeModel | LanguageModel
"""What transformers loads."""

RankingModel: TypeAlias = PlainClassifier | PretrainedModel
