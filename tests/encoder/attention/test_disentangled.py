"""Attention by distances against its definition, and distances against transformers' buckets."""

import itertools
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_backbones import CPU
from torch import Tensor
from transformers.models.deberta_v2.modeling_deberta_v2 import make_log_bucket_position

from secondpass.encoder.attention.disentangled import attend_disentangled, attend_first_disentangled
from secondpass.encoder.attention.relative import PositionTables, relative_scale, table_rows
from secondpass.encoder.packing import pack
from secondpass.encoder.spec import RelativeSpec

N_HEADS, HIDDEN = 3, 24
# Below, at and above the rows of one tile and of two; several of a length; one alone.
LENGTHS = (300, 257, 257, 129, 129, 129, 128, 127, 40, 40, 17, 16, 1)


def expected_rows(relative: RelativeSpec, longest: int) -> Tensor:
    """The row of distance i - j for query i and key j, by transformers' function. Shape: (longest, longest)."""
    positions = torch.arange(longest)
    distances = positions[:, None] - positions[None, :]
    if relative.n_buckets is not None:
        distances = make_log_bucket_position(distances, relative.n_buckets, relative.max_distance).long()
    return (distances + relative.span).clamp(0, 2 * relative.span - 1)


def assert_rows(relative: RelativeSpec, longest: int) -> None:
    rows = table_rows(relative, longest)
    positions = torch.arange(longest)
    by_pair = rows[longest - 1 - (positions[:, None] - positions[None, :])]
    assert torch.equal(by_pair, expected_rows(relative, longest))


def test_the_rows_of_deberta_v3_are_transformers() -> None:
    assert_rows(RelativeSpec(512, 256, content_to_position=True, position_to_content=True), 1100)


@settings(max_examples=50, deadline=None)
@given(data=st.data(), longest=st.integers(1, 300))
def test_the_rows_of_any_buckets_are_transformers(data: st.DataObject, longest: int) -> None:
    max_distance = data.draw(st.integers(4, 600))
    n_buckets = data.draw(st.none() | st.integers(2, 2 * max_distance - 3))
    assert_rows(RelativeSpec(max_distance, n_buckets, content_to_position=True, position_to_content=True), longest)


def definition(query: Tensor, key: Tensor, value: Tensor, tables: PositionTables, rows: Tensor) -> Tensor:
    """One pair's attention in float64, sums over gathered embeddings. Shape: (length, hidden)."""
    q, k, v = (states.double().unflatten(1, (N_HEADS, -1)) for states in (query, key, value))
    scores = torch.einsum("ihd,jhd->hij", q, k) * tables.scale
    if tables.key is not None:
        scores += torch.einsum("ihd,ijhd->hij", q, tables.key.double()[rows].unflatten(2, (N_HEADS, -1)))
    if tables.query is not None:
        scores += torch.einsum("jhd,ijhd->hij", k, tables.query.double()[rows].unflatten(2, (N_HEADS, -1)))
    return torch.einsum("hij,jhd->ihd", scores.softmax(dim=-1), v).flatten(1)


@pytest.mark.parametrize("key_multiple", [1, 16])
@pytest.mark.parametrize("terms", ["c2p", "p2c", "both"])
def test_attention_equals_its_definition(terms: str, key_multiple: int) -> None:
    relative = RelativeSpec(64, 32, content_to_position=terms != "p2c", position_to_content=terms != "c2p")
    packing = pack(LENGTHS, replace(CPU, key_multiple=key_multiple))
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(packing.n_rows, 3 * HIDDEN, generator=generator)
    query, key, value = states.chunk(3, dim=1)
    tables = PositionTables(
        key=torch.randn(64, HIDDEN, generator=generator) if relative.content_to_position else None,
        query=torch.randn(64, HIDDEN, generator=generator) if relative.position_to_content else None,
        scale=relative_scale(relative, HIDDEN // N_HEADS),
    )
    bounds = packing.bounds.tolist()
    expected = torch.cat(
        [
            definition(query[a:b], key[a:b], value[a:b], tables, expected_rows(relative, b - a))
            for a, b in itertools.pairwise(bounds)
        ]
    ).float()
    by_distance = tables.by_distance(table_rows(relative, packing.n_keys_read(max(LENGTHS))))
    outputs = attend_disentangled(query, key, value, packing, by_distance, n_heads=N_HEADS)
    torch.testing.assert_close(outputs[: packing.n_tokens], expected, rtol=0, atol=1e-5)
    assert not outputs[packing.n_tokens :].any()
    first = query[packing.read_rows]
    firsts = attend_first_disentangled(first, key, value, packing, by_distance, n_heads=N_HEADS)
    n_pairs = len(LENGTHS)
    torch.testing.assert_close(firsts[:n_pairs], expected[packing.read_rows[:n_pairs]], rtol=0, atol=1e-5)
    assert len(firsts) > n_pairs
    assert not firsts[n_pairs:].any()


def test_many_pairs_of_one_length_are_taken_a_few_at_a_time() -> None:
    """More scores than are computed at a time: the parts together are what each pair is alone."""
    relative = RelativeSpec(64, 32, content_to_position=True, position_to_content=True)
    generator = torch.Generator().manual_seed(0)
    key_table, query_table = torch.randn(2, 64, HIDDEN, generator=generator)
    by_distance = PositionTables(key_table, query_table, 0.2).by_distance(table_rows(relative, 112))
    states = torch.randn(40 * 100 + 32, 3 * HIDDEN, generator=generator)

    def attend(rows: Tensor, n_pairs: int) -> Tensor:
        query, key, value = rows.chunk(3, dim=1)
        outputs = attend_disentangled(query, key, value, pack((100,) * n_pairs, CPU), by_distance, n_heads=N_HEADS)
        return outputs[: 100 * n_pairs]

    alone = [attend(states[i * 100 : i * 100 + 132], 1) for i in range(40)]
    torch.testing.assert_close(attend(states, 40), torch.cat(alone), rtol=0, atol=1e-5)
