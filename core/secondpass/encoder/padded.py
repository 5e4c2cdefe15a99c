"""Architectures without a packed form run through transformers' own forward, padded to the longest of the batch."""

import inspect
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel

from secondpass.encoder.batch import TokenBatch
from secondpass.encoder.pooling import Pooling, pool_padded


class PaddedEncoder:
    """A transformers model over a batch of tokens.

    Args:
        model: On its device, in its dtype.
        pooling: Which state of its last layer; None for a classifier's own logits.
        padding_side: Where the model expects padding; its tokenizer says.
    """

    def __init__(
        self, model: PreTrainedModel, pooling: Pooling | None, padding_side: Literal["left", "right"] = "right"
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
            _raise_head_to_float32(model)

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
        return pool_padded(output.last_hidden_state, mask.bool(), self._pooling)

    def _pad(self, flat: Tensor, lengths: tuple[int, ...], value: int) -> Tensor:
        return pad_sequence(
            list(flat.split(lengths)), batch_first=True, padding_value=value, padding_side=self._padding_side
        )


def _raise_head_to_float32(model: PreTrainedModel) -> None:
    """Compute what follows a classifier's transformer in float32: its parameters and its inputs."""
    for module in model.children():
        if module is not model.base_model and any(True for _ in module.parameters()):
            module.float()
            module.register_forward_pre_hook(_inputs_to_float32)


def _inputs_to_float32(module: nn.Module, inputs: tuple[object, ...]) -> tuple[object, ...]:  # noqa: ARG001 - torch's hook signature
    return tuple(x.float() if isinstance(x, Tensor) and x.is_floating_point() else x for x in inputs)
