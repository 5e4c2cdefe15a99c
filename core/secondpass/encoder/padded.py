"""Architectures without a packed form run through transformers' own forward, padded to the longest of the batch."""

import inspect
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel

from secondpass.encoder.batch import TokenBatch


class PaddedEncoder:
    """A transformers model over a packed batch.

    Args:
        model: On its device, in its dtype.
        pooling: "cls", "mean", "max" or "last" state of its last layer, or None for a classifier's own logits.
        padding_side: Where the model expects padding; its tokenizer says.
    """

    def __init__(
        self, model: PreTrainedModel, pooling: str | None, padding_side: Literal["left", "right"] = "right"
    ) -> None:
        self._model = model
        self._pooling = pooling
        self._padding_side = padding_side
        self._pad_id = model.config.pad_token_id or 0
        accepted = inspect.signature(model.forward).parameters
        self._reads_types = "token_type_ids" in accepted
        # A causal model would otherwise build a cache of keys and values that nobody reads.
        self._options = {"use_cache": False} if "use_cache" in accepted else {}
        if pooling is None:
            _head_in_float32(model)

    def __call__(self, batch: TokenBatch) -> Tensor:
        """Pooled states, shape (n_pairs, hidden), or logits, shape (n_pairs, n_labels); float32."""
        ones = torch.ones_like(batch.ids)
        mask = self._pad(ones, batch.lengths, 0)
        inputs = {"input_ids": self._pad(batch.ids, batch.lengths, self._pad_id), "attention_mask": mask}
        if self._reads_types:
            inputs["token_type_ids"] = self._pad(batch.type_ids, batch.lengths, 0)
        output = self._model(**inputs, **self._options)
        if self._pooling is None:
            logits: Tensor = output.logits
            return logits.float()
        return self._pool(output.last_hidden_state, mask.bool())

    def _pad(self, flat: Tensor, lengths: tuple[int, ...], value: int) -> Tensor:
        return pad_sequence(
            list(flat.split(lengths)), batch_first=True, padding_value=value, padding_side=self._padding_side
        )

    def _pool(self, states: Tensor, mask: Tensor) -> Tensor:
        rows = torch.arange(len(states), device=states.device)
        positions = torch.arange(states.shape[1], device=states.device).expand_as(mask)
        match self._pooling:
            case "cls":
                first = positions.masked_fill(~mask, states.shape[1]).argmin(dim=1)
                return states[rows, first].float()
            case "last":
                last = positions.masked_fill(~mask, -1).argmax(dim=1)
                return states[rows, last].float()
            case "max":
                return states.float().masked_fill(~mask.unsqueeze(-1), float("-inf")).amax(dim=1)
        kept = states.float() * mask.unsqueeze(-1)
        return kept.sum(dim=1) / mask.sum(dim=1, keepdim=True)


def _head_in_float32(model: PreTrainedModel) -> None:
    """Keep what lies behind a classifier's transformer in float32, with its inputs raised to it."""
    for module in model.children():
        if module is not model.base_model and any(True for _ in module.parameters()):
            module.float()
            module.register_forward_pre_hook(_raise_inputs)


def _raise_inputs(module: nn.Module, inputs: tuple[object, ...]) -> tuple[object, ...]:  # noqa: ARG001 - torch's hook signature
    return tuple(x.float() if isinstance(x, Tensor) and x.is_floating_point() else x for x in inputs)
