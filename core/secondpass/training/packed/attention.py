"""Attention within each pair of a packed row of tokens, and its gradient, for transformers' own layers.

Neighbouring pairs of equal length are one dense block. A block's probabilities are kept for the backward pass, so that
this costs the products alone; torch's fused kernel would compute them a second time, and slowly on CPUs.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
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
        keys_and_values: Of all tokens, in a layer whose queries are those of first tokens alone; None: the layer has
            them itself. Shape of each: (n_tokens, n_heads * head_dim), or with its heads apart.
    """

    groups: tuple[LengthGroup, ...]
    first_rows: Tensor
    keys_and_values: tuple[Tensor, Tensor] | None = None


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
    if packed.keys_and_values is not None:
        k, v = (rows.view(len(rows), *q.shape[1:]) for rows in packed.keys_and_values)
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
    """Every token's attention over its own pair, or that of each pair's first token alone, with autograd.

    Args:
        query: Shape: (n_tokens, n_heads, head_dim); of first tokens alone (n_pairs, n_heads, head_dim).
        key: Shape: (n_tokens, n_heads, head_dim).
        value: As key.
        groups: The pairs in order, neighbours of equal length together.
        scale: What products are multiplied by.
        dropout: The share of probabilities that are dropped.
        window: A token attends to those at most this far away; None: to all.

    Returns:
        Shape: as query.
    """
    outputs = _PackedAttention.apply(query, key, value, groups, scale, dropout, window)  # type: ignore[no-untyped-call] # torch's
    return cast("Tensor", outputs)


class _PackedAttention(torch.autograd.Function):
    """O = W V with W = dropout(P) and P = softmax(scale Q K^T), block by block.

    The gradient of the softmax needs each row's sum of P times the gradient of P; that is the row's product of O and
    the gradient of O (Dao et al., FlashAttention, 2022, arXiv:2205.14135, section B.2).
    """

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
        share = kept_share(dropout)
        kept: list[Tensor | None] = []
        for asking, block in _blocks(groups, query, key):
            q, k, v = _heads(query, asking), _heads(key, block), _heads(value, block)
            probabilities = _product(q, k.transpose(1, 2), scale)
            if window is not None and block.length > window + 1:
                outside = _outside(block.length, window, probabilities)
                probabilities.masked_fill_(outside[: asking.length], -math.inf)
            torch.softmax(probabilities, dim=-1, out=probabilities)
            weights = None
            if dropout > 0:
                weights = probabilities * draw_kept(tuple(probabilities.shape), dropout, probabilities.dtype)
            kept += [probabilities, weights]
            _put(outputs, asking, _product(probabilities if weights is None else weights, v, 1 / share))
        ctx.save_for_backward(query, key, value, outputs, *kept)
        ctx.groups, ctx.scale, ctx.share = groups, scale, share
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401 - as above
        query, key, value, outputs, *kept = ctx.saved_tensors
        (gradient,) = gradients
        share = ctx.share
        # Weights are kept as they were before the division by the share: it is made up for in the products.
        wide = torch.promote_types(gradient.dtype, torch.float32)
        sums = (share * (gradient.to(wide) * outputs).sum(-1, keepdim=True)).to(gradient)
        of_query, of_key, of_value = (torch.empty_like(rows) for rows in (query, key, value))
        blocks = _blocks(ctx.groups, query, key)
        for (asking, block), probabilities, dropped in zip(blocks, kept[::2], kept[1::2], strict=True):
            weights = probabilities if dropped is None else dropped
            q, g, row_sums = (_heads(rows, asking) for rows in (query, gradient, sums))
            k, v = _heads(key, block), _heads(value, block)
            _put(of_value, block, _product(weights.transpose(1, 2), g, 1 / share))
            products = torch.bmm(g, v.transpose(1, 2))
            products.mul_(weights).addcmul_(probabilities, row_sums, value=-1)
            _put(of_query, asking, _product(products, k, ctx.scale / share))
            _put(of_key, block, _product(products.transpose(1, 2), q, ctx.scale / share))
        return of_query, of_key, of_value, None, None, None, None


def _product(left: Tensor, right: Tensor, scale: float) -> Tensor:
    """Batched matrix products times a scale, in one pass."""
    product = left.new_empty(len(left), left.shape[1], right.shape[2])
    torch.baddbmm(product, left, right, beta=0, alpha=scale, out=product)
    return product


def _blocks(groups: tuple[LengthGroup, ...], query: Tensor, key: Tensor) -> Iterator[tuple[LengthGroup, LengthGroup]]:
    """The groups in pieces whose probabilities are not too many: where their queries lie, and where their keys lie."""
    n_heads, first_only = query.shape[1], len(query) < len(key)
    for group in groups:
        n_queries = 1 if first_only else group.length
        step = max(1, _PROBABILITIES_AT_A_TIME // (n_heads * n_queries * group.length))
        for first in range(0, group.n_pairs, step):
            row = group.first_row + first * group.length
            block = LengthGroup(group.first_pair + first, row, min(step, group.n_pairs - first), group.length)
            yield replace(block, first_row=block.first_pair, length=1) if first_only else block, block


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
