"""What every layout of checkpoints comes down to: a transformer with its head, together or apart."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from torch import nn

from secondpass.checkpoint.plain.model import PlainClassifier
from secondpass.encoder.architectures import architecture_of
from secondpass.encoder.pooling import Pooling

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True, slots=True)
class SplitModel:
    """A transformer and the head behind it, in float32 on the CPU, in evaluation mode.

    Args:
        backbone: The transformer; its last hidden states are pooled and given to `head`.
        pooling: Which state the head reads.
        head: Pooled states, shape (n_pairs, hidden), to logits, shape (n_pairs, n_labels).
        labels: Name of each column of the logits.
    """

    backbone: "PreTrainedModel"
    pooling: Pooling
    head: nn.Module
    labels: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class WholeModel:
    """A classifier whose own forward gives the logits, in float32 on the CPU, in evaluation mode.

    Args:
        backbone: Transformer and head in one.
        labels: Name of each column of the logits.
        names_padding: Whether its own config names the padding token. On a causal model it reads a text's last token
            that is another one, else its last token, whatever that is.
    """

    backbone: "PreTrainedModel"
    labels: Mapping[int, str]
    names_padding: bool = True


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """A causal language model whose own forward gives the logits of a few answers, in float32 on the CPU.

    Args:
        backbone: Transformer and language-model head in one; of the head only the answers' rows are left.
        labels: Name of each column of the logits; the last one means relevant.
    """

    backbone: "PreTrainedModel"
    labels: Mapping[int, str]

    def split(self) -> SplitModel | None:
        """Transformer and head, which reads the last token; None where the encoder does not know it or an option of it.

        A head that does more with its logits, such as a soft cap, stays with its transformer: no architecture names it.
        """
        from secondpass.checkpoint.pretrained import backbone_of

        config = self.backbone.config
        architecture = architecture_of(config)
        if architecture is None or architecture.language_head is None or architecture.spec(config) is None:
            return None
        head = self.backbone.get_submodule(architecture.language_head)
        return SplitModel(backbone_of(self.backbone), Pooling.LAST, head, self.labels)


PretrainedModel: TypeAlias = SplitModel | WholeModel | LanguageModel
"""What transformers loads."""

RankingModel: TypeAlias = PlainClassifier | PretrainedModel
