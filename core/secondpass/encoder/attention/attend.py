"""Attention within each pair, over true lengths, without copying a token.

A group of equal-length pairs is already a dense block of the packed matrix, so queries, keys and values are read in
place as strided views. On CPUs the kernels fall to scalar code for the last keys that do not fill a vector (in
bfloat16, 60 keys take twice the time of 64), so keys are read up to a multiple of `Capabilities.key_multiple`: a view
may run into the rows of the next pair, to which a mask gives no weight. Where these rows are finite, their share is
exactly zero; where they are NaN, this pair's are NaN too, and `execution.pipeline` computes it alone.
"""

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from secondpass.encoder.attention import exp2, varlen
from secondpass.encoder.packing import LengthGroup, Packing

# Queries that share a slice of keys, in windows and behind a prefix.
_QUERIES_PER_SLICE = 128


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    packing: Packing,
    *,
    n_heads: int,
    window: int | None,
    causal: bool = False,
) -> Tensor:
    """Every token's attention over its own pair, and over the prefix that pairs share.

    Args:
        query: May be a slice of a wider matrix, as may key and value. Shape: (n_rows, n_heads * head_dim).
        key: Of as many heads or of fewer, each of which neighbouring heads of queries share, equally many.
            Shape: (n_rows, n_key_heads * head_dim).
        value: As key.
        packing: Where the pairs lie.
        n_heads: Attention heads.
        window: A token attends to those at most this far away; None: to all.
        causal: Whether it attends to none behind it; without a window. Only then may pairs share a prefix.

    Returns:
        The heads' outputs side by side; zero in padding rows. Shape: (n_rows, n_heads * head_dim).

    Raises:
        ValueError: Pairs share a prefix that they cannot share here. Not a user's mistake.
    """
    if packing.prefix is not None and not causal:
        raise ValueError("only a causal model's pairs share a prefix")
    if varlen.applies(query, packing.capabilities, n_heads=n_heads):
        return varlen.attend_varlen(query, key, value, packing, n_heads=n_heads, window=window, causal=causal)
    outputs = query.new_empty(query.shape)
    outputs[packing.n_tokens :].zero_()
    for group in packing.groups if packing.prefix is None else (packing.prefix, *packing.groups):
        target = outputs[group.first_row : group.end_row].view(group.n_pairs, group.length, n_heads, -1).transpose(1, 2)
        if causal:
            target.copy_(_attend_causally(query, key, value, packing, group, n_heads))
            continue
        if window is None or group.length <= window + 1:
            target.copy_(_attend_group(query, key, value, packing, group, n_heads))
            continue
        for start in range(0, group.length, _QUERIES_PER_SLICE):
            stop = min(start + _QUERIES_PER_SLICE, group.length)
            keys = max(0, start - window), min(group.length, stop + window)
            q = view_heads(query, group, n_heads, start, stop - start)
            band = _band(start, stop, keys, window, packing, like=query)
            target[:, :, start:stop] = _attend_slice(q, key, value, packing, group, n_heads, keys, band)
    return outputs


def attend_states(query: Tensor, states: Tensor, packing: Packing) -> Tensor:
    """Averages of each pair's states, weighted by the softmax of their products with the pair's queries / sqrt(hidden).

    Args:
        query: Several per first row, as wide as a state. Shape: (n_read_rows, n_queries, hidden).
        states: Shape: (n_rows, hidden).
        packing: Where the pairs lie.

    Returns:
        Zero where there is no pair. Shape: (n_read_rows, n_queries, hidden).
    """
    outputs = torch.empty_like(query)
    outputs[packing.n_pairs :].zero_()
    for group in packing.groups:
        pairs = slice(group.first_pair, group.first_pair + group.n_pairs)
        averages = _attend_slice(query[pairs, None], states, states, packing, group, 1, (0, group.length), None)
        outputs[pairs] = averages[:, 0]
    return outputs


def attend_one(
    query: Tensor, key: Tensor, value: Tensor, packing: Packing, *, n_heads: int, window: int | None
) -> Tensor:
    """The attention of one token of each pair, its first one or, without a window, its last.

    Args:
        query: Of those tokens. Shape: (n_read_rows, n_heads * head_dim).
        key: Of all tokens; see `attend`. Shape: (n_rows, n_key_heads * head_dim).
        value: As key.
        packing: Where the pairs lie.
        n_heads: Attention heads.
        window: As in `attend`.

    Returns:
        Zero where there is no pair. Shape: (n_read_rows, n_heads * head_dim).
    """
    # The kernel would take a lone query for its pair's last token, and place the window there.
    if window is None and varlen.applies(query, packing.capabilities, n_heads=n_heads):
        return varlen.attend_varlen(query, key, value, packing, n_heads=n_heads, window=None)
    n_key_heads = _n_key_heads(query, key, n_heads)
    outputs = query.new_empty(query.shape)
    outputs[packing.n_pairs :].zero_()
    for group in packing.groups:
        pairs = slice(group.first_pair, group.first_pair + group.n_pairs)
        # Heads that share keys stand beside each other, as rows of queries do.
        q = query[pairs].view(group.n_pairs, n_key_heads, n_heads // n_key_heads, -1)
        if packing.prefix is not None:
            k, v = (_with_prefix(rows, packing, group, n_key_heads) for rows in (key, value))
            outputs[pairs].view(q.shape).copy_(F.scaled_dot_product_attention(q, k, v))
            continue
        keys = 0, group.length if window is None else min(group.length, window + 1)
        outputs[pairs].view(q.shape).copy_(_attend_slice(q, key, value, packing, group, n_key_heads, keys, None))
    return outputs


def _n_key_heads(query: Tensor, key: Tensor, n_heads: int) -> int:
    """Heads of keys, which are as wide as those of queries."""
    return n_heads * key.shape[1] // query.shape[1]


def _attend_group(
    query: Tensor, key: Tensor, value: Tensor, packing: Packing, group: LengthGroup, n_heads: int
) -> Tensor:
    """Attention of all tokens of the group's pairs over their pair. Shape: (n_pairs, n_heads, length, head_dim)."""
    if exp2.applies(query, packing.capabilities, n_rows=group.end_row - group.first_row):
        n_read = packing.n_keys_read(group.length)
        q, k, v = (view_heads(rows, group, n_heads, 0, n_read) for rows in (query, key, value))
        outputs = exp2.attend_by_exp2(q, k, v, length=group.length)
        if outputs is not None:
            return outputs
    q = view_heads(query, group, n_heads, 0, group.length)
    return _attend_slice(q, key, value, packing, group, n_heads, (0, group.length), None)


def _attend_causally(
    query: Tensor, key: Tensor, value: Tensor, packing: Packing, group: LengthGroup, n_heads: int
) -> Tensor:
    """As `_attend_group`, of every token over itself and those before it.

    By torch's kernel whatever the dtype: exp2 rounds what all scores have in common, such as the biases of Qwen2's keys
    give them, and nothing measures at a load what that does to a causal model.
    """
    n_key_heads = _n_key_heads(query, key, n_heads)
    q = view_heads(query, group, n_heads, 0, group.length)
    k, v = (_with_prefix(rows, packing, group, n_key_heads) for rows in (key, value))
    n_sharing = n_heads // n_key_heads
    outputs = torch.empty_like(q)
    for first, stop, mask in _causal_slices(q, n_before=k.shape[2] - group.length):
        n_keys = k.shape[2] - group.length + stop
        # Heads that share keys one after the other, whose keys are not copied so.
        for i in range(n_sharing):
            outputs[:, i::n_sharing, first:stop] = F.scaled_dot_product_attention(
                q[:, i::n_sharing, first:stop],
                k[:, :, :n_keys],
                v[:, :, :n_keys],
                attn_mask=mask,
                is_causal=mask is None,
            )
    return outputs


def _causal_slices(q: Tensor, *, n_before: int) -> Iterator[tuple[int, int, Tensor | None]]:
    """Slices of the queries, from and to, with a mask that hides what is behind each; None for the kernel's own.

    The kernel's own lets the first query see the first key and no other, so it does not do where keys come before; and
    with a mask of ours it computes all that is hidden, which in slices is little.

    Args:
        q: Shape: (n_pairs, n_heads, length, head_dim).
        n_before: Keys that are before the first query's own.
    """
    length = q.shape[2]
    if n_before == 0:
        yield 0, length, None
        return
    for first in range(0, length, _QUERIES_PER_SLICE):
        stop = min(first + _QUERIES_PER_SLICE, length)
        yield first, stop, q.new_full((stop - first, n_before + stop), -math.inf).triu_(n_before + first + 1)


def _with_prefix(rows: Tensor, packing: Packing, group: LengthGroup, n_heads: int) -> Tensor:
    """Keys or values of all tokens of the group's pairs, those that stand in the prefix first.

    Shape: (n_pairs, n_heads, prefix's length + length, head_dim).
    """
    own = view_heads(rows, group, n_heads, 0, group.length)
    if packing.prefix is None or group is packing.prefix:
        return own
    prefix = view_heads(rows, packing.prefix, n_heads, 0, packing.prefix.length)
    return torch.cat((prefix.expand(group.n_pairs, -1, -1, -1), own), dim=2)


def _attend_slice(
    q: Tensor,
    key: Tensor,
    value: Tensor,
    packing: Packing,
    group: LengthGroup,
    n_heads: int,
    keys: tuple[int, int],
    mask: Tensor | None,
) -> Tensor:
    """Attention of `q` over the tokens from keys[0] to keys[1] of every pair of the group."""
    start, stop = keys
    n_read = packing.n_keys_read(stop - start)
    k = view_heads(key, group, n_heads, start, n_read)
    v = view_heads(value, group, n_heads, start, n_read)
    if mask is None and n_read > stop - start:
        mask = q.new_zeros(1, 1, 1, n_read)
        mask[..., stop - start :] = -math.inf
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


def view_heads(rows: Tensor, group: LengthGroup, n_heads: int, start: int, length: int) -> Tensor:
    """`length` tokens from `start` of every pair, as a view. Shape: (n_pairs, n_heads, length, head_dim)."""
    head_dim = rows.shape[1] // n_heads
    row = rows.stride(0)
    return rows.as_strided(
        (group.n_pairs, n_heads, length, head_dim),
        (group.length * row, head_dim, row, 1),
        rows.storage_offset() + (group.first_row + start) * row,
    )


def _band(start: int, stop: int, keys: tuple[int, int], window: int, packing: Packing, *, like: Tensor) -> Tensor:
    """What queries start..stop see of a slice of keys: 0 within the window, -inf outside and past the slice."""
    n_read = packing.n_keys_read(keys[1] - keys[0])
    q = torch.arange(start, stop, device=like.device)[:, None]
    k = torch.arange(keys[0], keys[0] + n_read, device=like.device)[None, :]
    hidden = ((q - k).abs() > window) | (k >= keys[1])
    return like.new_zeros(1, 1, stop - start, n_read).masked_fill_(hidden, -math.inf)
