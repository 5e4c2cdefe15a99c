"""Which models train without padding, and what their layers read then.

transformers' own layers run on one row of tokens, `[1, n_tokens]`, with position ids; only attention knows where a pair
ends, and the head sees one state per pair. Saving, freezing, adapters and losses meet the same module as ever.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from secondpass.encoder.packing import group_by_length
from secondpass.training.packed.attention import ARGUMENT, IMPLEMENTATION, Packed
from secondpass.training.packed.kinds import KINDS, hook

# Tokens of a trial: two pairs of different lengths.
_TRIAL = (7, 4)
# How far two correct ways to a logit may be apart, relative to 1 and to the logit.
_TOLERANCE = 1e-3


def has_packed_form(config: Any) -> bool:  # noqa: ANN401 - transformers' configs have no common typed base for these
    """Whether a model of this config may run without padding: of a known kind, and its head on one state per pair."""
    return (
        config.model_type in KINDS
        and not getattr(config, "is_decoder", False)
        and getattr(config, "position_embedding_type", None) in (None, "absolute")
        and _pooling(config) in ("cls", "mean")
    )


def prepare(network: PreTrainedModel) -> bool:
    """Let the head see one state per pair wherever a forward pass is packed.

    Args:
        network: A sequence classifier, loaded with `IMPLEMENTATION` if it is to train without padding.

    Returns:
        Whether it is prepared, and gives packed what it gives padded: code of its own may compute otherwise.
    """
    config = network.config
    if config._attn_implementation != IMPLEMENTATION or not has_packed_form(config):  # noqa: SLF001 - its only name
        return False
    try:
        handles = hook(network, KINDS[config.model_type], pooling=_pooling(config))
    except (AttributeError, TypeError, IndexError):  # a checkpoint's own code has other parts
        return False
    if _gives_the_same(network):
        return True
    for handle in handles:
        handle.remove()
    return False


def pack_rows(
    inputs: Mapping[str, Any], rows: Sequence[int], lengths: Sequence[int], positions: Tensor | None
) -> dict[str, Any]:
    """Some rows of a padded batch without their padding, end to end, as a model's arguments.

    Args:
        inputs: Padded on the right. Tensors of shape (batch, seq).
        rows: Which ones; those of equal length side by side share a product.
        lengths: Their tokens, one number per row.
        positions: Position ids of the padded batch; None: each pair counts from 0. Shape: (batch, seq).
    """
    counts = torch.tensor(lengths)
    row = torch.tensor(rows).repeat_interleave(counts)
    column = torch.cat([torch.arange(length) for length in lengths])
    packed = {
        name: value[row, column][None] if isinstance(value, Tensor) else value
        for name, value in inputs.items()
        if name != "attention_mask"
    }
    packed["position_ids"] = (column if positions is None else positions[row, column])[None]
    return packed | {ARGUMENT: Packed(tuple(group_by_length(lengths)), counts.cumsum(0) - counts)}


def positions_of(network: PreTrainedModel, ids: Tensor) -> Tensor | None:
    """The position ids of a padded batch where the model does not count from 0, as it makes them itself (RoBERTa)."""
    embeddings = getattr(network.base_model, "embeddings", None)
    count = getattr(embeddings, "create_position_ids_from_input_ids", None)
    return None if count is None else cast("Tensor", count(ids, cast("nn.Module", embeddings).padding_idx))


def _pooling(config: Any) -> str:  # noqa: ANN401 - as above
    return str(getattr(config, "classifier_pooling", "cls"))


def _gives_the_same(network: PreTrainedModel) -> bool:
    """Whether both ways give the same logits for two made-up pairs."""
    words = torch.arange(network.config.vocab_size)
    if network.config.pad_token_id is not None:
        words = words[words != network.config.pad_token_id]
    ids = words[torch.arange(len(_TRIAL) * max(_TRIAL)) % len(words)].view(len(_TRIAL), -1)
    mask = (torch.arange(max(_TRIAL)) < torch.tensor(_TRIAL)[:, None]).long()
    was_training = network.training
    network.eval()
    try:
        with torch.inference_mode():
            padded = network(input_ids=ids, attention_mask=mask).logits
            packed = network(**pack_rows({"input_ids": ids}, range(len(_TRIAL)), _TRIAL, positions_of(network, ids)))
    except Exception:  # noqa: BLE001 - a checkpoint's own code takes no such arguments, and raises what it likes
        return False
    finally:
        network.train(was_training)
    return packed.logits.shape == padded.shape and torch.allclose(
        packed.logits, padded, atol=_TOLERANCE, rtol=_TOLERANCE
    )
