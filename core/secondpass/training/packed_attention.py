"""Attention within each pair of a packed row of tokens, and its gradient, for transformers' own layers.

Neighbouring pairs of equal length are one dense block. A block's probabilities are kept for the backward pass, so that
this costs the products alone; torch's fused kernel would compute them a second time, and slowly on CPUs.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from secondpass.encoder.packing import LengthGroup
from secondpass.training.dropout import draw_kept, kept_share

# What models are loaded with: `attn_implementation`, a name of transformers' interface.
IMPLEMENTATION = "secondpass_packed"
# The argument that transformers' models and layers hand on, down to their attention: a `Packed`.
ARGUMENT = "secondpass_packed"
# Probabilities computed at a time: as many as stay in a core's cache until they have been used.
_PROBABILITIES_AT_A_TIME = 500_000


@dataclass(frozen=True, slots=True)
class Packed:
    """Where the pairs lie in a row of tokens.

    Args:
        groups: The pairs in order, neighbours of equal length together.
        first_rows: The place of each pair's first token. Shape: (n_pairs,), int64.
    """

    groups: tuple[LengthGroup, ...]
    first_rows: Tensor


def register() -> None:
    """Make `IMPLEMENTATION` known to transformers. Without a `Packed` argument it is transformers' own "sdpa"."""
    AttentionInterface.register(IMPLEMENTATION, _attention)
    AttentionMaskInterface.register(IMPLEMENTATION, sdpa_mask)


def _attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    **options: Any,  # noqa: ANN401 - transformers' own interface
) -> tuple[Tensor, None]:
    """As transformers' attention functions: (1, n_heads, n_tokens, head_dim) to (1, n_tokens, n_heads, head_dim).

    `sliding_window` is one more than how far a token sees, as in FlashAttention's transformers binding.
    """
    packed: Packed | None = options.pop(ARGUMENT, None)
    if packed is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    scaling, window = options.get("scaling"), options.get("sliding_window")
    q, k, v = (states[0].transpose(0, 1) for states in (query, key, value))
    with torch.autocast(query.device.type, enabled=False):  # it would change the types of what is computed in place
        outputs = attend_packed(
            q,
            k,
            v,
            packed.groups,
            scale=1 / math.sqrt(query.shape[-1]) if scaling is None else scaling,
            dropout=options.get("dropout", 0.0),
            window=None if window is None else window - 1,
        )
    return outputs[None], None


def attend_packed(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    groups: tuple[LengthGroup, ...],
    *,
    scale: float,
    dropout: float = 0.0,
    window: int | None = None,
) -> Tensor:
    """Every token's attention over its own pair, with autograd.

    Args:
        query: Shape: (n_tokens, n_heads, head_dim).
        key: As query.
        value: As query.
        groups: The pairs in order, neighbours of equal length together.
        scale: What products are multiplied by.
        dropout: The share of probabilities that are dropped.
        window: A token attends to those at most this far away; None: to all.

    Returns:
        Shape: (n_tokens, n_heads, head_dim).
    """
    outputs = _PackedAttention.apply(query, key, value, groups, scale, dropout, window)  # type: ignore[no-untyped-call] # torch's
    return cast("Tensor", outputs)


class _PackedAttention(torch.autograd.Function):
    """O = dropout(P) V with P = softmax(scale Q K^T), block by block."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401 - torch has no type for it that holds what is kept
        query: Tensor,
        key: Tensor,
        value: Tensor,
        groups: tuple[LengthGroup, ...],
        scale: float,
        dropout: float,
        window: int | None,
    ) -> Tensor:
        outputs = query.new_empty(query.shape)
        kept: list[Tensor | None] = []
        for block in _blocks(groups, n_heads=query.shape[1]):
            q, k, v = (_heads(rows, block) for rows in (query, key, value))
            probabilities = q.new_empty(len(q), block.length, block.length)
            torch.baddbmm(probabilities, q, k.transpose(1, 2), beta=0, alpha=scale, out=probabilities)
            if window is not None and block.length > window + 1:
                probabilities.masked_fill_(_outside(block.length, window, probabilities), -math.inf)
            torch.softmax(probabilities, dim=-1, out=probabilities)
            drawn = draw_kept(tuple(probabilities.shape), dropout) if dropout > 0 else None
            kept += [probabilities, drawn]
            _put(outputs, block, torch.bmm(_drop(probabilities, drawn, dropout), v))
        ctx.save_for_backward(query, key, value, *kept)
        ctx.groups, ctx.scale, ctx.dropout = groups, scale, dropout
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401 - as above
        query, key, value, *kept = ctx.saved_tensors
        (gradient,) = gradients
        of_query, of_key, of_value = (torch.empty_like(rows) for rows in (query, key, value))
        blocks = _blocks(ctx.groups, n_heads=query.shape[1])
        for block, probabilities, drawn in zip(blocks, kept[::2], kept[1::2], strict=True):
            q, k, v, g = (_heads(rows, block) for rows in (query, key, value, gradient))
            weights = _drop(probabilities, drawn, ctx.dropout)
            _put(of_value, block, torch.bmm(weights.transpose(1, 2), g))
            of_weights = _drop(torch.bmm(g, v.transpose(1, 2)), drawn, ctx.dropout)
            products = torch._softmax_backward_data(of_weights, probabilities, -1, probabilities.dtype)  # noqa: SLF001 - as autograd computes it
            products.mul_(ctx.scale)
            _put(of_query, block, torch.bmm(products, k))
            _put(of_key, block, torch.bmm(products.transpose(1, 2), q))
        return of_query, of_key, of_value, None, None, None, None


def _drop(probabilities: Tensor, kept: Tensor | None, dropout: float) -> Tensor:
    """The kept ones over the share that is kept; all, as they are, without dropout."""
    if kept is None:
        return probabilities
    return cast("Tensor", torch.ops.aten.native_dropout_backward(probabilities, kept, 1 / kept_share(dropout)))


def _blocks(groups: tuple[LengthGroup, ...], *, n_heads: int) -> Iterator[LengthGroup]:
    """The groups in pieces whose probabilities are not too many."""
    for group in groups:
        step = max(1, _PROBABILITIES_AT_A_TIME // (n_heads * group.length**2))
        for first in range(0, group.n_pairs, step):
            row = group.first_row + first * group.length
            yield LengthGroup(group.first_pair + first, row, min(step, group.n_pairs - first), group.length)


def _heads(rows: Tensor, block: LengthGroup) -> Tensor:
    """The block's rows, every head of every pair on its own. Shape: (n_pairs * n_heads, length, head_dim)."""
    part: Tensor = rows[block.first_row : block.end_row].unflatten(0, (block.n_pairs, block.length))
    return part.transpose(1, 2).flatten(0, 1)


def _put(rows: Tensor, block: LengthGroup, heads: Tensor) -> None:
    """Write what `_heads` would give back into the rows."""
    part = rows[block.first_row : block.end_row].unflatten(0, (block.n_pairs, block.length))
    part.copy_(heads.unflatten(0, (block.n_pairs, -1)).transpose(1, 2))


def _outside(length: int, window: int, like: Tensor) -> Tensor:
    """Which keys lie too far from a query. Shape: (length, length), bool."""
    place = torch.arange(length, device=like.device)
    return (place[:, None] - place[None, :]).abs() > window
