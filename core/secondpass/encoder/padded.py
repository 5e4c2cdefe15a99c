"""Architectures without a packed form run through transformers' own forward, padded to the longest of the batch."""

import copy
import inspect
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from secondpass.encoder.batch import TokenBatch
from secondpass.encoder.pooling import Pooling, pool_padded

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class PaddedModel:
    """A transformers model that reads batches of tokens.

    Padding goes to the right whatever the tokenizer says: positions then count from each text's own start, as they do
    where it is read alone, and a causal model's tokens never see what stands behind them.

    Args:
        model: On its device, in its dtype.
        reads_types: Whether token types are among its inputs. Nearly all models take none for zeros, but GPT-2 and its
            relatives look types up among the words, and XLM among its languages.

    Attributes:
        keeps_logits: Whether the model can be told at which positions to compute logits (`logits_to_keep`).
    """

    def __init__(self, model: "PreTrainedModel", *, reads_types: bool) -> None:
        self._model = model
        self._pad_id = 0 if model.config.pad_token_id is None else model.config.pad_token_id
        accepted = inspect.signature(model.forward).parameters
        self._reads_types = reads_types and "token_type_ids" in accepted
        self.keeps_logits = "logits_to_keep" in accepted
        # A causal model would otherwise build a cache of keys and values that nobody reads.
        self._options = {"use_cache": False} if "use_cache" in accepted else {}

    def __call__(self, batch: TokenBatch, *, logits_to_keep: Tensor | None = None) -> tuple[Any, Tensor]:
        """What the model's own forward gives, and where the batch has tokens. Shape: (n_pairs, longest), bool.

        Args:
            batch: What it reads.
            logits_to_keep: The positions of its logits, the same for all pairs; None for all. Shape: (n_kept,), int64.
        """
        device = batch.ids.device
        # At least one, for texts without any token of their own.
        positions = torch.arange(max(1, *batch.lengths), device=device)
        mask = positions < torch.tensor(batch.lengths, device=device)[:, None]

        def pad(flat: Tensor, value: int) -> Tensor:
            # All texts at once: a copy for each one would cost a GPU as many launches.
            return flat.new_full(mask.shape, value).masked_scatter_(mask, flat)

        inputs = {"input_ids": pad(batch.ids, self._pad_id), "attention_mask": mask.long()}
        if self._reads_types:
            inputs["token_type_ids"] = pad(batch.type_ids, 0)
        if logits_to_keep is not None:
            inputs["logits_to_keep"] = logits_to_keep
        return self._model(**inputs, **self._options), mask


class PaddedEncoder:
    """A transformer that gives pooled states.

    Args:
        model: On its device, in its dtype.
        pooling: Which state of its last layer.
        reads_types: See `PaddedModel`.
    """

    def __init__(self, model: "PreTrainedModel", pooling: Pooling, *, reads_types: bool) -> None:
        self._model = PaddedModel(model, reads_types=reads_types)
        self._pooling = pooling

    def __call__(self, batch: TokenBatch) -> Tensor:
        """Shape: (n_pairs, hidden), float32."""
        output, mask = self._model(batch)
        return pool_padded(output.last_hidden_state, mask, self._pooling)


class PaddedClassifier:
    """A classifier that gives logits.

    Args:
        model: On its device, in its dtype.
        reads_types: See `PaddedModel`.
    """

    def __init__(self, model: "PreTrainedModel", *, reads_types: bool) -> None:
        self._model = PaddedModel(model, reads_types=reads_types)

    def __call__(self, batch: TokenBatch) -> Tensor:
        """Shape: (n_pairs, n_labels), float32."""
        output, _ = self._model(batch)
        logits: Tensor = output.logits
        return logits.float()


class PaddedLanguageModel:
    """A causal language model that gives the logits of what follows a prompt.

    Args:
        model: On its device, in its dtype.
        reads_types: See `PaddedModel`.
    """

    def __init__(self, model: "PreTrainedModel", *, reads_types: bool) -> None:
        self._model = PaddedModel(model, reads_types=reads_types)

    def __call__(self, batch: TokenBatch) -> Tensor:
        """Shape: (n_pairs, n_answers), float32."""
        last = torch.tensor(batch.lengths, device="cpu") - 1
        kept, columns = last.unique(return_inverse=True)
        if self._model.keeps_logits:
            output, _ = self._model(batch, logits_to_keep=kept)
        else:
            output, _ = self._model(batch)
            columns = last
        logits: Tensor = output.logits[torch.arange(len(last), device="cpu"), columns]
        return logits.float()


def without_padding_token(model: "PreTrainedModel") -> "PreTrainedModel":
    """The same model, weights and all, under a config that names no padding token."""
    same = copy.copy(model)
    same.config = copy.deepcopy(model.config)
    same.config.pad_token_id = None
    return same


def raise_head_to_float32(model: "PreTrainedModel") -> None:
    """Compute what follows the transformer in float32, whatever dtype the model was turned to."""
    for module in model.children():
        if module is not model.base_model and any(True for _ in module.parameters()):
            module.float()
            module.register_forward_pre_hook(_inputs_to_float32)


def _inputs_to_float32(module: nn.Module, inputs: tuple[object, ...]) -> tuple[object, ...]:  # noqa: ARG001 - torch's hook signature
    return tuple(x.float() if isinstance(x, Tensor) and x.is_floating_point() else x for x in inputs)
