"""A cross-encoder whose training batches waste little or nothing on padding."""

import warnings
from typing import Any, cast

import torch
from sentence_transformers.cross_encoder import CrossEncoder
from torch import Tensor
from transformers import PreTrainedModel

from secondpass.training.padding_free import pack_rows, positions_of, prepare

# Pairs that are padded together: fewer waste less on padding, more keep the processor busier.
PAIRS_PER_GROUP = 32
# Tokens that go through the layers together without padding: more do not fit a cache, fewer make small products.
TOKENS_PER_GROUP = 4096


class GroupedCrossEncoder(CrossEncoder):
    """Runs a batch in groups of similar length: without padding once `packs` is set, else each padded to its longest.

    Losses see one batch and scores in its order, so every loss of sentence-transformers profits. The gradient is that
    of the whole batch, and the saved model is a plain CrossEncoder.

    Attributes:
        packs: Whether `pack` found that the model runs without padding.
        n_pairs_trained: Pairs that went forward in training so far.
    """

    packs = False
    n_pairs_trained = 0

    def pack(self, *, otherwise: str) -> None:
        """Run without padding from now on, where the model can; a UserWarning says where it cannot.

        Args:
            otherwise: transformers' name of the attention that is used where it cannot.
        """
        network = cast("PreTrainedModel", self.model)
        self.packs = prepare(network)
        if not self.packs:
            network.set_attn_implementation(otherwise)
            warnings.warn(
                f"{network.config.model_type} models like this one are trained with padding, which takes longer: only "
                "those of BERT's kinds, DistilBERT and ModernBERT, with their own code and heads, run without",
                UserWarning,
                stacklevel=2,
            )

    def forward(self, input: dict[str, Any], **kwargs: Any) -> dict[str, Any]:  # noqa: A002, ANN401 - the parent's
        """The parent's result for the whole batch; with several groups, or without padding, its scores only."""
        mask = input["attention_mask"]
        if self.training:
            self.n_pairs_trained += len(mask)
        if not self.packs and len(mask) <= PAIRS_PER_GROUP:
            return dict(super().forward(input, **kwargs))
        lengths = mask.sum(dim=1)
        order = torch.argsort(lengths)
        parts = self._packed_parts(input, order, lengths) if self.packs else _padded_parts(input, order, lengths)
        scores = [super(GroupedCrossEncoder, self).forward(part, **kwargs)["scores"] for part in parts]
        return {"scores": torch.cat(scores)[torch.argsort(order)]}

    def _packed_parts(self, inputs: dict[str, Any], order: Tensor, lengths: Tensor) -> list[dict[str, Any]]:
        """The pairs in this order, as many together as have `TOKENS_PER_GROUP` tokens, or one longer pair."""
        positions = positions_of(cast("PreTrainedModel", self.model), inputs["input_ids"])
        counts = lengths[order].tolist()
        parts, start, n_tokens = [], 0, 0
        for index, count in enumerate([*counts, TOKENS_PER_GROUP]):
            if n_tokens + count > TOKENS_PER_GROUP and index > start:
                rows = order[start:index].tolist()
                parts.append(pack_rows(inputs, rows, counts[start:index], positions))
                start, n_tokens = index, 0
            n_tokens += count
        return parts


def _padded_parts(inputs: dict[str, Any], order: Tensor, lengths: Tensor) -> list[dict[str, Any]]:
    """The pairs in this order, `PAIRS_PER_GROUP` together, each group padded to its own longest.

    Padding is on the right: `load_base_model` refuses tokenizers that pad on the left.
    """
    parts = []
    for group in order.split(PAIRS_PER_GROUP):
        longest = int(lengths[group].max())
        # Anything else than a tensor, such as the name of a task, is as it is.
        parts.append({k: v[group, :longest] if isinstance(v, Tensor) else v for k, v in inputs.items()})
    return parts
