"""A cross-encoder whose training batches waste little on padding."""

from typing import Any

import torch
from sentence_transformers.cross_encoder import CrossEncoder

from secondpass.errors import InputError

PAIRS_IN_A_GROUP = 32


class GroupedCrossEncoder(CrossEncoder):
    """Runs a batch in groups of similar length, each padded to its own longest pair only.

    Losses see one batch and scores in its order, so every loss of sentence-transformers profits. The gradient is that
    of the whole batch. What is saved is a plain CrossEncoder.
    """

    def forward(self, input: dict[str, Any], **kwargs: Any) -> dict[str, Any]:  # noqa: A002, ANN401 - the parent's
        """The parent's result for the whole batch; with several groups, its scores only."""
        mask = input["attention_mask"]
        if len(mask) <= PAIRS_IN_A_GROUP:
            return dict(super().forward(input, **kwargs))
        lengths = mask.sum(dim=1)
        order = torch.argsort(lengths)
        scores = []
        for group in order.split(PAIRS_IN_A_GROUP):
            longest = int(lengths[group].max())
            part = {name: _rows(value, group, longest) for name, value in input.items()}
            scores.append(super().forward(part, **kwargs)["scores"])
        return {"scores": torch.cat(scores)[torch.argsort(order)]}


def set_dropout(model: CrossEncoder, share: float) -> None:
    """Give every dropout of the model this probability."""
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = share


def freeze(model: CrossEncoder, names: tuple[str, ...]) -> None:
    """Keep parameters whose name holds one of `names` from learning.

    Raises:
        InputError: A name is in no parameter's, so that nothing would be kept.
    """
    for name in names:
        found = [parameter for key, parameter in model.named_parameters() if name in key]
        if not found:
            raise InputError(f"model.freeze must name parameters of the model, got {name!r}, which is in none of them")
        for parameter in found:
            parameter.requires_grad = False


def _rows(value: Any, group: torch.Tensor, longest: int) -> Any:  # noqa: ANN401 - tensors, and a word or two
    """The group's rows of a (batch, seq) tensor; anything else as it is. Right padding is given: see `run`."""
    return value[group, :longest] if isinstance(value, torch.Tensor) else value
