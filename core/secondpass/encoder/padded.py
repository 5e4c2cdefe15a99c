"""Architectures without a packed form run through transformers' own forward, padded to the longest of the batch."""

import inspect
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel

from secondpass.encoder.batch import TokenBatch
from secondpass.encoder.pooling import Pooling, pool_padded


class PaddedModel:
    """A transformers model that reads batches of tokens.

    Args:
        model: On its device, in its dtype.
        padding_side: Where the model expects padding; its tokenizer says.
    """

    def __init__(self, model: PreTrainedModel, padding_side: Literal["left", "right"]) -> None:
        self._model = model
        self._padding_side = padding_side
        self._pad_id = 0 if model.config.pad_token_id is None else model.config.pad_token_id
        accepted = inspect.signature(model.forward).parameters
        self._reads_types = "token_type_ids" in accepted
        # A causal model would otherwise build a cache of keys and values that nobody reads.
        self._options = {"use_cache": False} if "use_cache" in accepted else {}

    def __call__(self, batch: TokenBatch) -> tuple[Any, Tensor]:
        """What the model's own forward gives, and where the batch has tokens. Shape: (n_pairs, longest), bool."""
        mask = self._pad(torch.ones_like(batch.ids), batch.lengths, 0)
        inputs = {"input_ids": self._pad(batch.ids, batch.lengths, self._pad_id), "attention_mask": mask}
        if self._reads_types:
            inputs["token_type_ids"] = self._pad(batch.type_ids, batch.lengths, 0)
        return self._model(**inputs, **self._options), mask.bool()

    def _pad(self, flat: Tensor, lengths: tuple[int, ...], value: int) -> Tensor:
        return pad_sequence(
            list(flat.split(lengths)), batch_first=True, padding_value=value, padding_side=self._padding_side
        )


class PaddedEncoder:
    """A transformer that gives pooled states.

    Args:
        model: On its device, in its dtype.
        pooling: Which state of its last layer.
        padding_side: See `PaddedModel`.
    """

    def __init__(self, model: PreTrainedModel, pooling: Pooling, padding_side: Literal["left", "right"]) -> None:
        self._model = PaddedModel(model, padding_side)
        self._pooling = pooling

    def __call__(self, batch: TokenBatch) -> Tensor:
        """Shape: (n_pairs, hidden), float32."""
        output, mask = self._model(batch)
        return pool_padded(output.last_hidden_state, mask, self._pooling)


class PaddedClassifier:
    """A classifier that gives logits.

    Args:
        model: On its device, in its dtype.
        padding_side: See `PaddedModel`.
    """

    def __init__(self, model: PreTrainedModel, padding_side: Literal["left", "right"]) -> None:
        self._classifier = model
        self._model = PaddedModel(model, padding_side)

    def raise_head_to_float32(self) -> None:
        """Compute what follows the transformer in float32, whatever dtype the model was turned to."""
        for module in self._classifier.children():
            if module is not self._classifier.base_model and any(True for _ in module.parameters()):
                module.float()
                module.register_forward_pre_hook(_inputs_to_float32)

    def __call__(self, batch: TokenBatch) -> Tensor:
        """Shape: (n_pairs, n_labels), float32."""
        output, _ = self._model(batch)
        logits: Tensor = output.logits
        return logits.float()


def _inputs_to_float32(module: nn.Module, inputs: tuple[object, ...]) -> tuple[object, ...]:  # noqa: ARG001 - torch's hook signature
    return tuple(x.float() if isinstance(x, Tensor) and x.is_floating_point() else x for x in inputs)
