"""A model in transformers' own forward: which pairs may stand beside each other in a batch, and whether it runs."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from secondpass.arguments import describe_error
from secondpass.checkpoint import LanguageModel, PretrainedModel, SplitModel, WholeModel
from secondpass.encoder import Capabilities, Precision, TokenBatch
from secondpass.encoder.architectures import architecture_of
from secondpass.encoder.padded import (
    PaddedClassifier,
    PaddedEncoder,
    PaddedLanguageModel,
    raise_head_to_float32,
    without_padding_token,
)
from secondpass.encoder.padding_leaks import VERIFIED, padding_leaks
from secondpass.encoder.pairs_apart import Apart, OneLengthAtATime, PaddingApart, count_tokens
from secondpass.errors import CheckpointError
from secondpass.tokenization.tokens import PairTokens

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

# Short pairs that are read beside a long one to see whether padding leaks.
_N_SHORT = 5


def padded_network(
    model: PretrainedModel,
    precision: Precision,
    capabilities: Capabilities,
    sample: Callable[[], PairTokens],
) -> Callable[[TokenBatch], Tensor]:
    """Token batches to pooled states or logits, by transformers' own forward.

    Args:
        model: On the CPU; moved to the device.
        precision: Of the transformer; the head stays in float32.
        capabilities: Of the device.
        sample: Gives a few pairs of different lengths as the model reads them.

    Raises:
        CheckpointError: The model fails on these pairs.
    """
    encoder = _as_it_takes_pairs(model)
    # A causal model that has no packed form after all may still be in the 16 bits that it is stored in.
    model.backbone.float()
    # Asked in float32 on the CPU, where rounding hides nothing.
    if _rotates_by_longest(model.backbone.config):
        encoder = OneLengthAtATime(encoder)
    elif not _is_verified(model) and _leaks(model, encoder, sample()):
        encoder = Apart(encoder, lambda batch: batch.lengths)
    nn.Module.to(model.backbone, capabilities.device, precision.states_dtype(capabilities))
    if not isinstance(model, SplitModel):
        raise_head_to_float32(model.backbone)
    return encoder


def is_of_transformers(model: PretrainedModel) -> bool:
    """Whether no code of the checkpoint's own computes; that may do anything, whatever its config names."""
    return type(model.backbone).__module__.startswith("transformers.")


def _as_it_takes_pairs(model: PretrainedModel) -> Callable[[TokenBatch], Tensor]:
    if isinstance(model, SplitModel):
        return PaddedEncoder(model.backbone, model.pooling, reads_types=model.reads_types)
    if isinstance(model, LanguageModel):
        return PaddedLanguageModel(model.backbone, reads_types=model.reads_types)
    return _classifier(model)


def _classifier(model: WholeModel) -> Callable[[TokenBatch], Tensor]:
    config = model.backbone.config
    encoder = PaddedClassifier(model.backbone, reads_types=model.reads_types)
    # Classifiers on causal models read a text's last token, and refuse batches if no padding token tells which it is.
    if config.pad_token_id is None:  # nor has the tokenizer any
        return _one_by_one(encoder)
    # Those on encoder-decoders read a text's last end token, and refuse batches where texts hold more of them than
    # others, as those do in which it is written out.
    if config.is_encoder_decoder:
        return Apart(encoder, partial(count_tokens, token_id=config.eos_token_id))
    if not model.names_padding:
        as_stated = PaddedClassifier(without_padding_token(model.backbone), reads_types=model.reads_types)
        return PaddingApart(encoder, config.pad_token_id, _one_by_one(as_stated))
    return encoder


def _one_by_one(encoder: Callable[[TokenBatch], Tensor]) -> Apart:
    return Apart(encoder, lambda batch: range(len(batch.lengths)))


def _rotates_by_longest(config: "PreTrainedConfig") -> bool:
    """Whether rotary positions depend on the longest pair of a pass: on either side of a length, they are others.

    "dynamic" ones do so above `max_position_embeddings` alone, which no pair is.
    """
    stated: Mapping[str, Any] = getattr(config, "rope_parameters", None) or {}
    kinds = [stated, *(own for own in stated.values() if isinstance(own, Mapping))]  # for each type of layer, in some
    return any(own.get("rope_type") == "longrope" for own in kinds)


def _is_verified(model: PretrainedModel) -> bool:
    """Whether its type is known to run and to hold padding off, and its config has no option that we do not know."""
    config = model.backbone.config
    if not is_of_transformers(model) or config.model_type not in VERIFIED:
        return False
    architecture = architecture_of(config)
    # The masks of those with language models hold it off in all options that they have.
    return architecture is None or architecture.language_head is not None or architecture.spec(config) is not None


def _leaks(model: PretrainedModel, encoder: Callable[[TokenBatch], Tensor], sample: PairTokens) -> bool:
    pairs = _side_by_side(sample)
    try:
        return padding_leaks(encoder, pairs)
    except (IndexError, RuntimeError, ValueError) as error:
        raise CheckpointError(
            f"{type(model.backbone).__name__} as this checkpoint configures it fails on a pair of {pairs.lengths[0]} "
            f"tokens: {describe_error(error)}"
        ) from error


def _side_by_side(sample: PairTokens) -> TokenBatch:
    """The longest pair and a few shorter ones of different lengths on the CPU.

    More than one, as what leaks depends on a length's remainder where models pool, stride or divide into blocks; short
    ones, as this runs whenever such a model is loaded. Where the limit makes pairs equally long, there are some without
    a few of the longest one's tokens, all but its last.
    """
    _, by_length = np.unique(sample.lengths, return_index=True)
    pairs = sample.take([int(by_length[-1]), *by_length[:-1][:_N_SHORT][::-1].tolist()])
    lengths = pairs.lengths.tolist()
    longest = lengths[0]
    fewer = [n for n in range(longest - 1, longest // 2, -1) if n not in lengths][: _N_SHORT + 1 - len(lengths)]
    rows = [*range(len(pairs.ids)), *(row for n in fewer for row in (*range(n - 1), longest - 1))]
    ids, type_ids = (torch.from_numpy(array[rows]).long() for array in (pairs.ids, pairs.type_ids))
    return TokenBatch(ids, type_ids, (*lengths, *fewer))
