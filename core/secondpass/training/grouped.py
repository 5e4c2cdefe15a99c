"""A cross-encoder whose training batches waste little on padding."""

from typing import Any

import torch
from sentence_transformers.cross_encoder import CrossEncoder

# Pairs that are padded together: fewer waste less on padding, more keep the processor busier.
PAIRS_PER_GROUP = 32


class GroupedCrossEncoder(CrossEncoder):
    """Runs a batch in groups of similar length, each padded to its own longest pair only.

    Losses see one batch and scores in its order, so every loss of sentence-transformers profits. The gradient is that
    of the whole batch, and the saved model is a plain CrossEncoder.
    """

    def forward(self, input: dict[str, Any], **kwargs: Any) -> dict[str, Any]:  # noqa: A002, ANN401 - the parent's
        """The parent's result for the whole batch; with several groups, its scores only."""
        mask = input["attention_mask"]
        if len(mask) <= PAIRS_PER_GROUP:
            return dict(super().forward(input, **kwargs))
        lengths = mask.sum(dim=1)
        order = torch.argsort(lengths)
        scores = []
        for group in order.split(PAIRS_PER_GROUP):
            longest = int(lengths[group].max())
            part = {name: _rows(value, group, longest) for name, value in input.items()}
            scores.append(super().forward(part, **kwargs)["scores"])
        return {"scores": torch.cat(scores)[torch.argsort(order)]}


def _rows(value: Any, group: torch.Tensor, longest: int) -> Any:  # noqa: ANN401 - tensors, and strings such as a task
    """The group's rows of a (batch, seq) tensor; anything else as it is.

    Padding is on the right: `load_base_model` refuses tokenizers that pad on the left.
    """
    return value[group, :longest] if isinstance(value, torch.Tensor) else value
