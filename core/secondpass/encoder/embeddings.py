"""Token ids become states: the sum of token, position and type, normalised, and widened where the table is narrower."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from secondpass.encoder.arithmetic.linear import Linear
from secondpass.encoder.batch import TokenBatch
from secondpass.encoder.norm import Norm
from secondpass.encoder.packing import Packing


@dataclass(frozen=True, slots=True)
class Embeddings:
    """The embedding tables.

    Args:
        token: Shape: (vocabulary, width).
        position: Shape: (positions, width); None where positions are rotary.
        token_type: Shape: (types, width); None where there are none.
        norm: Of the sum; None where the first layer normalises first.
        project: From the tables' width to the encoder's, where they differ.
        norms_projection: See `EncoderSpec`.
        position_pad_id: See `EncoderSpec`.
        padding_id: The token that padding rows hold, whose row is finite.
    """

    token: Tensor
    position: Tensor | None
    token_type: Tensor | None
    norm: Norm | None
    project: Linear | None
    norms_projection: bool
    position_pad_id: int | None
    padding_id: int = 0

    def __call__(self, batch: TokenBatch, packing: Packing) -> Tensor:
        """The states that enter the first layer; padding rows are finite and mean nothing.

        Shape: (n_rows, hidden).
        """
        ids = _with_padding_rows(batch.ids, packing, self.padding_id)
        states = F.embedding(ids, self.token)
        if self.token_type is not None:
            states.add_(F.embedding(_with_padding_rows(batch.type_ids, packing, 0), self.token_type))
        if self.position is not None:
            positions = packing.positions
            if self.position_pad_id is not None:
                positions = roberta_positions(ids, packing, self.position_pad_id)
            states.add_(F.embedding(positions, self.position))
        normalise = self.norm or _same
        if self.project is None:
            return normalise(states)
        narrow = states if self.norms_projection else normalise(states)
        wide = self.project(narrow)
        # 8-bit products make numbers of NaN, which would then be a score.
        wide.add_(narrow.sum(dim=1, keepdim=True).mul_(0.0))
        return normalise(wide) if self.norms_projection else wide


def roberta_positions(ids: Tensor, packing: Packing, pad_id: int) -> Tensor:
    """RoBERTa's positions: pad_id + 1 for a pair's first token, one more for each that follows and is not a pad.

    A pad that a text holds literally takes position pad_id and is not counted, as in transformers.
    """
    counts = (ids != pad_id).cumsum(0)
    starts = torch.arange(len(ids), device=ids.device) - packing.positions  # in padding rows: the row itself
    before = counts[starts] - (ids[starts] != pad_id).long()
    return torch.where(ids == pad_id, pad_id, counts - before + pad_id)


def _same(states: Tensor) -> Tensor:
    return states


def _with_padding_rows(ids: Tensor, packing: Packing, padding_id: int) -> Tensor:
    return F.pad(ids, (0, packing.n_rows - packing.n_tokens), value=padding_id)
