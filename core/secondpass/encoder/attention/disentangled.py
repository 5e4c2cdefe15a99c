"""Disentangled attention within each pair, over true lengths: scores also know the distance from query to key.

A score is q k + q K(d) + k Q(d), where K(d) and Q(d) are embeddings of the distance d from q to k (`relative`). The
distance changes by one from key to key and from query to query. So the products of every query with the embeddings of
all distances, a row per query, hold what each key needs side by side, one column earlier with each query: read with a
stride one shorter than a row, they are the matrix that is added to the scores, and nothing is gathered. The products of
keys give its transpose.
"""

import math
from collections.abc import Iterator
from dataclasses import replace

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from secondpass.encoder.attention.attend import view_heads
from secondpass.encoder.attention.relative import PositionTables
from secondpass.encoder.packing import LengthGroup, Packing
from secondpass.encoder.round_up import ceil_div

# Queries (or keys) that meet the embeddings of distances at a time. With more, more of the products are of a token and
# a distance at which its text has none.
_ROWS_PER_TILE = 128
# Scores computed at a time: as many as stay in a core's cache until they have been used.
_SCORES_AT_A_TIME = 262_144


def attend_disentangled(
    query: Tensor, key: Tensor, value: Tensor, packing: Packing, tables: PositionTables, *, n_heads: int
) -> Tensor:
    """Every token's attention over its own pair.

    Args:
        query: May be a slice of a wider matrix, as may key and value. Shape: (n_rows, hidden).
        key: Shape: (n_rows, hidden).
        value: Shape: (n_rows, hidden).
        packing: Where the pairs lie.
        tables: By distance, up to that of the longest pair's read keys.
        n_heads: Attention heads.

    Returns:
        The heads' outputs side by side; zero in padding rows. Shape: (n_rows, hidden).
    """
    outputs = query.new_empty(query.shape)
    outputs[packing.n_tokens :].zero_()
    head_dim = query.shape[1] // n_heads
    for group in packing.groups:
        length, n_read = group.length, packing.n_keys_read(group.length)
        for part, heads in _parts(group, n_heads, n_read):
            columns = slice(heads.start * head_dim, heads.stop * head_dim)
            n = heads.stop - heads.start
            bias = _bias(query[:, columns], key[:, columns], part, n, n_read, _columns(tables, columns))
            q = view_heads(query[:, columns], part, n, 0, length)
            k, v = (view_heads(rows[:, columns], part, n, 0, n_read) for rows in (key, value))
            target = view_heads(outputs[:, columns], part, n, 0, length)
            target.copy_(F.scaled_dot_product_attention(q, k, v, attn_mask=bias, scale=tables.scale))
    return outputs


def attend_first_disentangled(
    query: Tensor, key: Tensor, value: Tensor, packing: Packing, tables: PositionTables, *, n_heads: int
) -> Tensor:
    """The attention of each pair's first token alone.

    Args:
        query: Of the first tokens. Shape: (n_read_rows, hidden).
        key: Of all tokens. Shape: (n_rows, hidden).
        value: Of all tokens. Shape: (n_rows, hidden).
        packing: Where the pairs lie.
        tables: As in `attend_disentangled`.
        n_heads: Attention heads.

    Returns:
        Zero where there is no pair. Shape: (n_read_rows, hidden).
    """
    outputs = query.new_empty(query.shape)
    outputs[packing.n_pairs :].zero_()
    for group in packing.groups:
        n_pairs, n_read = group.n_pairs, packing.n_keys_read(group.length)
        pairs = slice(group.first_pair, group.first_pair + n_pairs)
        q = query[pairs].view(n_pairs, n_heads, 1, -1)
        k, v = (view_heads(rows, group, n_heads, 0, n_read) for rows in (key, value))
        bias = q.new_zeros(n_pairs, n_heads, 1, n_read)
        if tables.key is not None:
            zero = len(tables.key) // 2
            positions = _by_head(tables.key[zero : zero + n_read], n_heads)
            bias[:, :, 0] += torch.bmm(q[:, :, 0].transpose(0, 1), positions).transpose(0, 1)
        if tables.query is not None:
            zero = len(tables.query) // 2
            positions = _by_head(tables.query[zero + 1 - n_read : zero + 1].flip(0), n_heads)
            bias[:, :, 0] += (k * positions.transpose(1, 2)).sum(dim=-1)
        bias[..., group.length :] = -math.inf
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=bias, scale=tables.scale)
        outputs[pairs].view(q.shape).copy_(attended)
    return outputs


def _parts(group: LengthGroup, n_heads: int, n_read: int) -> Iterator[tuple[LengthGroup, slice]]:
    """A group's pairs and heads in parts whose scores fit the cache."""
    scores = group.length * n_read
    fitting = max(1, _SCORES_AT_A_TIME // scores)
    pairs_per_part = fitting if group.length <= _ROWS_PER_TILE else 1
    heads_per_part = max(1, min(n_heads, fitting // min(pairs_per_part, group.n_pairs)))
    for start in range(0, group.n_pairs, pairs_per_part):
        part = replace(
            group,
            first_pair=group.first_pair + start,
            first_row=group.first_row + start * group.length,
            n_pairs=min(pairs_per_part, group.n_pairs - start),
        )
        for head in range(0, n_heads, heads_per_part):
            yield part, slice(head, min(head + heads_per_part, n_heads))


def _bias(query: Tensor, key: Tensor, group: LengthGroup, n_heads: int, n_read: int, tables: PositionTables) -> Tensor:
    """What positions add to the scores. Shape: (n_pairs, n_heads, length, n_read)."""
    length = group.length
    bias = query.new_empty(group.n_pairs, n_heads, length, n_read)
    bias[..., length:] = -math.inf
    of_tokens = bias[..., :length]
    if tables.key is None:
        of_tokens.zero_()
    else:
        for rows in _tiles(length):
            of_tokens[:, :, rows] = _by_distance(query, tables.key, rows, group, n_heads)
    if tables.query is not None:
        for rows in _tiles(length):
            of_tokens[..., rows] += _by_distance(key, tables.query, rows, group, n_heads).transpose(2, 3)
    return bias


def _by_distance(states: Tensor, table: Tensor, rows: slice, group: LengthGroup, n_heads: int) -> Tensor:
    """Products of some tokens of each pair with what the table holds for their distance to every token of the pair.

    The table's rows are such that the next token to meet is the next row, and the next of `rows` begins a row earlier.

    Returns:
        Shape: (n_pairs, n_heads, n_rows, length).
    """
    n_rows, n_distances = rows.stop - rows.start, group.length + rows.stop - rows.start - 1
    first = len(table) // 2 + 1 - rows.stop
    # One matrix per head: either all of their rows or a single pair's, which lie evenly.
    tokens = view_heads(states, group, n_heads, rows.start, n_rows).transpose(0, 1).flatten(1, 2)
    products = torch.bmm(tokens, _by_head(table[first : first + n_distances], n_heads))
    return products.as_strided(
        (group.n_pairs, n_heads, n_rows, group.length),
        (n_rows * n_distances, products.stride(0), n_distances - 1, 1),
        n_rows - 1,
    )


def _tiles(length: int) -> Iterator[slice]:
    """The tokens of a pair in tiles of about equal size."""
    n_rows = ceil_div(length, ceil_div(length, _ROWS_PER_TILE))
    for start in range(0, length, n_rows):
        yield slice(start, min(start + n_rows, length))


def _by_head(positions: Tensor, n_heads: int) -> Tensor:
    """Shape: (n_positions, hidden) -> (n_heads, head_dim, n_positions)."""
    return positions.view(len(positions), n_heads, -1).permute(1, 2, 0)


def _columns(tables: PositionTables, columns: slice) -> PositionTables:
    """The tables of some heads."""
    key = None if tables.key is None else tables.key[:, columns]
    query = None if tables.query is None else tables.query[:, columns]
    return PositionTables(key, query, tables.scale)
