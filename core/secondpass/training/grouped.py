"""A cross-encoder whose training batches waste little or nothing on padding."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, cast

import torch
from sentence_transformers.cross_encoder import CrossEncoder
from torch import Tensor
from transformers import PreTrainedModel

from secondpass.errors.caller_warnings import warn_caller
from secondpass.training.packed.padding_free import pack_rows, positions_of, prepare
from secondpass.training.tokens import are_pairs, tokenize_pairs, trial

# Pairs that are padded together: fewer waste less on padding, more keep the processor busier.
PAIRS_PER_GROUP = 32
# Tokens that go through the layers together without padding: more do not fit a cache, fewer make small products.
TOKENS_PER_GROUP = 4096
# Words of the texts that a tokenizer without a limit is tried with.
_NO_LIMIT = 512
# Tokens of a padded group on GPUs, padding included: fewer leave the device waiting for its next kernel.
TOKENS_PER_GPU_GROUP = 16384


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
            warn_caller(
                f"{network.config.model_type} models like this one are trained with padding, which takes longer: only "
                "those of BERT's kinds, DistilBERT and ModernBERT, with their own code and heads, run without",
                UserWarning,
            )

    def preprocess(self, inputs: Sequence[Any], prompt: str | None = None, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401 - the parent's
        """The parent's result; of pairs of texts in less time."""
        asks_for_more = prompt is not None or any(value is not None for value in kwargs.values())
        if asks_for_more or not are_pairs(inputs):
            return dict(super().preprocess(inputs, prompt=prompt, **kwargs))
        if self._besides is None:
            return dict(super().preprocess(inputs))
        return tokenize_pairs(self.tokenizer, inputs) | self._besides

    @cached_property
    def _besides(self) -> dict[str, Any] | None:
        """What the parent gives beside the tensors; None: they are not what the tokenizer alone gives."""
        besides: dict[str, Any] = {}
        short, *long = trial(self.max_seq_length or _NO_LIMIT)
        for pairs in ([short], long):  # apart, as padding to a fixed length shows beside short ones alone
            parent = dict(super().preprocess(pairs))
            tensors = {name: value for name, value in parent.items() if isinstance(value, Tensor)}
            if not tensors.keys() <= {"input_ids", "token_type_ids", "attention_mask"}:
                return None
            own = tokenize_pairs(self.tokenizer, pairs)
            if own.keys() != tensors.keys() or not all(torch.equal(own[name], tensors[name]) for name in own):
                return None
            besides = {name: value for name, value in parent.items() if name not in tensors}
        return besides

    def forward(self, input: dict[str, Any], **kwargs: Any) -> dict[str, Any]:  # noqa: A002, ANN401 - the parent's
        """The parent's result for the whole batch; with several groups, or without padding, its scores only."""
        mask = input["attention_mask"]
        if self.training:
            self.n_pairs_trained += len(mask)
        few = mask.numel() <= TOKENS_PER_GPU_GROUP if mask.is_cuda else len(mask) <= PAIRS_PER_GROUP
        if not self.packs and few:
            return dict(super().forward(input, **kwargs))
        lengths = mask.sum(dim=1)
        order = torch.argsort(lengths)
        if self.packs:
            parts = self._packed_parts(input, order, lengths)
        else:
            sorted_lengths = lengths[order].tolist()
            groups = groups_of_tokens(sorted_lengths) if mask.is_cuda else groups_of_pairs(len(mask))
            parts = [_padded(input, order[rows], sorted_lengths[rows.stop - 1]) for rows in groups]
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


def groups_of_pairs(n_pairs: int) -> list[slice]:
    """`PAIRS_PER_GROUP` pairs at a time."""
    return [slice(first, min(first + PAIRS_PER_GROUP, n_pairs)) for first in range(0, n_pairs, PAIRS_PER_GROUP)]


def groups_of_tokens(lengths: Sequence[int]) -> list[slice]:
    """As many pairs at a time as have `TOKENS_PER_GPU_GROUP` tokens padded to the longest of them, or one longer pair.

    Args:
        lengths: Tokens of each pair, ascending.
    """
    groups, first = [], 0
    for index, length in enumerate(lengths):
        if index > first and (index + 1 - first) * length > TOKENS_PER_GPU_GROUP:
            groups.append(slice(first, index))
            first = index
    return [*groups, slice(first, len(lengths))]


def _padded(inputs: dict[str, Any], rows: Tensor, length: int) -> dict[str, Any]:
    """Some pairs of a batch, padded to `length` tokens on the right: `load_base_model` refuses others."""
    # Anything else than a tensor, such as the name of a task, is as it is.
    return {name: value[rows, :length] if isinstance(value, Tensor) else value for name, value in inputs.items()}
