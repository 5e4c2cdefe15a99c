"""Attention by an exp2 softmax against torch's own, and the scores that it leaves to torch."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it

from secondpass.encoder import Capabilities
from secondpass.encoder.attention import exp2
from secondpass.encoder.attention.exp2 import attend_by_exp2


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
