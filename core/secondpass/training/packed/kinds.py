"""The kinds of transformers' models that run packed: where their layers are, and how the last one is asked for less.

A head that reads each pair's first state needs no other one of the last layer: there keys and values are computed for
all tokens, and queries, outputs and feed-forward for first tokens alone, which changes no score and no gradient.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, cast

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle
from transformers import PreTrainedModel
from transformers.models.modernbert.modeling_modernbert import apply_rotary_pos_emb

from secondpass.training.packed.attention import ARGUMENT, Packed

# (layer, what it reads, its other arguments) -> its keys and values, each (n_tokens, n_heads * head_dim) or
# (n_tokens, n_heads, head_dim).
_KeysAndValues: TypeAlias = Callable[[Any, Tensor, Mapping[str, Any]], tuple[Tensor, Tensor]]


def _of_bert(layer: Any, states: Tensor, _: Mapping[str, Any]) -> tuple[Tensor, Tensor]:  # noqa: ANN401 - a layer of any such model
    attention = layer.attention.self
    return attention.key(states)[0], attention.value(states)[0]


def _of_distilbert(layer: Any, states: Tensor, _: Mapping[str, Any]) -> tuple[Tensor, Tensor]:  # noqa: ANN401 - as above
    return layer.attention.k_lin(states)[0], layer.attention.v_lin(states)[0]


def _of_modernbert(layer: Any, states: Tensor, arguments: Mapping[str, Any]) -> tuple[Tensor, Tensor]:  # noqa: ANN401 - as above
    _, keys, values = layer.attn.Wqkv(layer.attn_norm(states)).chunk(3, dim=-1)
    keys = keys.unflatten(-1, (-1, layer.attn.head_dim))
    _, keys = apply_rotary_pos_emb(keys, keys, *arguments["position_embeddings"], unsqueeze_dim=2)
    return keys[0], values[0]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of model.

    Args:
        states: The part of the base model whose output the head reads; "" is all of it. BERT's pooler stands in the
            base model itself, after its encoder.
        layers: The base model's list of layers.
        keys_and_values: How a layer makes them.
        masks: Names of the masks that the base model would make for a packed row, whose attention reads none:
            ModernBERT's has a truth value for every two tokens.
    """

    states: str
    layers: str
    keys_and_values: _KeysAndValues
    masks: tuple[str, ...] = ()


_BERT = Kind("encoder", "encoder.layer", _of_bert)
KINDS: Mapping[str, Kind] = {
    "bert": _BERT,
    "roberta": _BERT,
    "xlm-roberta": _BERT,
    "camembert": _BERT,
    "electra": _BERT,
    "distilbert": Kind("transformer", "transformer.layer", _of_distilbert),
    "modernbert": Kind("", "layers", _of_modernbert, ("full_attention", "sliding_attention")),
}


def hook(network: PreTrainedModel, kind: Kind, *, pooling: str) -> list[RemovableHandle]:
    """Let a model's packed passes give its head one state per pair; padded ones are what they were.

    Args:
        network: A sequence classifier.
        kind: Its kind.
        pooling: "cls" or "mean": whether its head reads each pair's first state, or the mean of all.

    Returns:
        What takes the changes back.
    """
    base = network.base_model
    states, layers = base.get_submodule(kind.states), cast("nn.ModuleList", base.get_submodule(kind.layers))
    last = layers[-1]
    handles = []
    if kind.masks:
        handles.append(base.register_forward_pre_hook(_without_masks(kind.masks), with_kwargs=True))
    if pooling == "cls":
        handles.append(last.register_forward_pre_hook(_first_rows_alone(kind), with_kwargs=True))
    pool = _first if pooling == "cls" else _mean
    handles.append(states.register_forward_hook(_pooled_by(pool), with_kwargs=True))
    return handles


def _without_masks(names: tuple[str, ...]) -> Callable[..., Any]:
    def change(_: nn.Module, args: tuple[Any, ...], arguments: dict[str, Any]) -> Any:  # noqa: ANN401 - torch's hook signature
        if arguments.get(ARGUMENT) is None:
            return None
        return args, arguments | {"attention_mask": dict.fromkeys(names)}

    return change


def _first_rows_alone(kind: Kind) -> Callable[..., Any]:
    def change(layer: nn.Module, args: tuple[Any, ...], arguments: dict[str, Any]) -> Any:  # noqa: ANN401 - torch's hook signature
        packed: Packed | None = arguments.get(ARGUMENT)
        if packed is None:
            return None
        states, rows = args[0], packed.first_rows
        keys, values = kind.keys_and_values(layer, states, arguments)
        changed: dict[str, Any] = {ARGUMENT: replace(packed, keys_and_values=(keys, values))}
        if "position_embeddings" in arguments:
            changed["position_embeddings"] = tuple(part[:, rows] for part in arguments["position_embeddings"])
        return (states[:, rows], *args[1:]), arguments | changed

    return change


def _pooled_by(pool: Callable[[Tensor, Packed], Tensor]) -> Callable[..., Any]:
    """Of a packed pass one state per pair, as if each had one token. Shape: (n_pairs, 1, hidden)."""

    def change(_: nn.Module, __: object, arguments: Mapping[str, Any], output: Any) -> Any:  # noqa: ANN401 - torch's hook signature
        packed: Packed | None = arguments.get(ARGUMENT)
        if packed is not None:
            output.last_hidden_state = pool(output.last_hidden_state[0], packed)[:, None]
        return output

    return change


def _first(states: Tensor, _: Packed) -> Tensor:
    """The last layer had first rows alone."""
    return states


def _mean(states: Tensor, packed: Packed) -> Tensor:
    means = [
        states[group.first_row : group.end_row].unflatten(0, (group.n_pairs, group.length)).mean(1)
        for group in packed.groups
    ]
    return torch.cat(means)
