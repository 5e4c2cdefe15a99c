"""Attention by an exp2 softmax against torch's own, and the scores that it leaves to torch."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it

from secondpass.encoder import Capabilities
from secondpass.encoder.attention import exp2
from secondpass.encoder.attention.attend import attend
from secondpass.encoder.attention.exp2 import attend_by_exp2
from secondpass.encoder.packing import pack


@pytest.mark.parametrize("n_behind", [0, 1, 15])
@pytest.mark.parametrize(("n_pairs", "length"), [(1, 1), (3, 7), (40, 33), (2, 200), (1, 700)])
def test_equals_attention_over_the_tokens_alone(n_pairs: int, length: int, n_behind: int) -> None:
    torch.manual_seed(0)
    rows = torch.randn(3, n_pairs, length + n_behind, 4, 16).bfloat16().transpose(2, 3)
    got = attend_by_exp2(*rows, length=length)
    assert got is not None
    q, k, v = rows[:, :, :, :length].float()
    expected = F.scaled_dot_product_attention(q, k, v)
    torch.testing.assert_close(got.float(), expected, rtol=0, atol=0.03)


@pytest.mark.parametrize("n_behind", [0, 1, 15])
@pytest.mark.parametrize("n_key_heads", [4, 2, 1])
@pytest.mark.parametrize(("n_pairs", "length"), [(1, 1), (3, 7), (40, 33), (1, 700)])
def test_equals_causal_attention_by_heads_that_share_keys(
    n_pairs: int, length: int, n_key_heads: int, n_behind: int
) -> None:
    torch.manual_seed(0)
    rows = torch.randn(3, n_pairs, length + n_behind, 4, 16).bfloat16().transpose(2, 3)
    query, key, value = rows[0], rows[1, :, :n_key_heads], rows[2, :, :n_key_heads]
    got = attend_by_exp2(query, key, value, length=length, causal=True)
    assert got is not None
    q, k, v = (states[:, :, :length].float() for states in (query, key, value))
    k, v = (states.repeat_interleave(4 // n_key_heads, dim=1) for states in (k, v))
    expected = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    torch.testing.assert_close(got.float(), expected, rtol=0, atol=0.03)


@pytest.mark.parametrize("size", [40.0, -40.0])
def test_scores_out_of_range_are_declined(size: float) -> None:
    q = torch.ones(1, 2, 5, 16, dtype=torch.bfloat16)
    assert attend_by_exp2(q, q, q, length=5) is not None
    assert attend_by_exp2(q * size, q, q, length=5) is None


def test_applies_to_bfloat16_on_cpus_that_have_it_but_no_matrix_units() -> None:
    native = Capabilities(torch.device("cpu"), matrix_units=False)
    rows = torch.zeros(1, 8, dtype=torch.bfloat16)
    assert exp2.applies(rows, native, n_rows=500)
    assert not exp2.applies(rows, native, n_rows=5)
    assert not exp2.applies(rows.float(), native, n_rows=500)
    assert not exp2.applies(rows, replace(native, matrix_units=True), n_rows=500)
    assert not exp2.applies(rows, replace(native, slow_dtypes=frozenset({torch.bfloat16})), n_rows=500)


@pytest.mark.parametrize("size", [1.0, 100.0])
def test_causal_attention_of_packed_pairs_goes_this_way_and_past_it_where_it_is_declined(size: float) -> None:
    lengths = (90, 90, 100, 81)
    native = Capabilities(torch.device("cpu"), matrix_units=False, key_multiple=16)
    packing = pack(lengths, native)
    torch.manual_seed(0)
    rows = (torch.randn(packing.n_rows, 16 * n_heads) for n_heads in (4, 2, 2))
    query, key, value = (states.bfloat16() for states in rows)
    query *= size
    assert exp2.applies(query, native, n_rows=81)
    got = attend(query, key, value, packing, n_heads=4, window=None, causal=True)
    start = 0
    for length in lengths:
        pair = slice(start, start + length)
        q, k, v = (states[pair].float().unflatten(1, (-1, 16)).transpose(0, 1) for states in (query, key, value))
        k, v = (states.repeat_interleave(2, dim=0) for states in (k, v))
        expected = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(0, 1).flatten(1)
        torch.testing.assert_close(got[pair].float(), expected, rtol=0, atol=0.03)
        start += length
    assert not got[start:].any()
