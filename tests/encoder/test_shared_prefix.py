"""Tokens that all pairs of a batch begin with are read once, and no score shows it."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_backbones import CAUSAL_MODELS, CPU, backbone, packed_form, random_batch, reference

from secondpass.encoder import Pooling, Precision, TokenBatch
from secondpass.encoder.attention.attend import attend
from secondpass.encoder.attention.varlen import attend_varlen
from secondpass.encoder.packing import pack
from secondpass.encoder.shared_prefix import share_prefix

# Two of them go through attention in more than one slice.
OWN = (3, 17, 1, 17, 40, 9, 1, 140, 140, 300)


def _prompted(name: str, n_shared: int, own: tuple[int, ...] = OWN) -> TokenBatch:
    """Pairs that begin with the same tokens, and go on with others from the first on."""
    prefix = random_batch(backbone(name), (n_shared,), seed=1).ids
    parts = list(random_batch(backbone(name), own).ids.split(own))
    for i, part in enumerate(parts):
        part[0] = 8 + i
    ids = torch.cat([torch.cat((prefix, part)) for part in parts])
    return TokenBatch(ids, torch.zeros_like(ids), tuple(n_shared + length for length in own))


@pytest.mark.parametrize("n_shared", [8, 21, 64])
@pytest.mark.parametrize("name", CAUSAL_MODELS)
def test_scores_are_those_of_transformers(name: str, n_shared: int) -> None:
    model = backbone(name)
    encoder = packed_form(model, precision=Precision.FLOAT32, pooling=Pooling.LAST, capabilities=CPU)
    assert encoder is not None
    batch = _prompted(name, n_shared)
    assert share_prefix(batch).n_shared == n_shared
    before = batch.ids.clone()
    expected = reference(model, batch, Pooling.LAST)
    assert expected.std(dim=0).mean() > 0.1, "the states must differ from pair to pair to show a fault"
    torch.testing.assert_close(encoder(batch), expected, rtol=0, atol=1e-5)
    assert torch.equal(batch.ids, before)


@pytest.mark.parametrize("name", CAUSAL_MODELS)
def test_in_bfloat16_sharing_costs_no_accuracy(name: str) -> None:
    model, batch = backbone(name), _prompted(name, 30)
    encoder = packed_form(model, precision=Precision.BFLOAT16, pooling=Pooling.LAST, capabilities=CPU)
    assert encoder is not None
    expected = reference(model, batch, Pooling.LAST)
    alone = torch.cat([encoder(TokenBatch(ids, ids, (len(ids),))) for ids in batch.ids.split(batch.lengths)])
    assert (encoder(batch) - expected).norm() < 1.5 * (alone - expected).norm()


@pytest.mark.parametrize("name", CAUSAL_MODELS)
def test_fewer_rows_go_through_the_layers(name: str) -> None:
    encoder = packed_form(backbone(name), precision=Precision.FLOAT32, pooling=Pooling.LAST, capabilities=CPU)
    assert encoder is not None
    rows: list[int] = []
    first = encoder.layers[0]

    def counting(states: torch.Tensor, context: object) -> torch.Tensor:
        rows.append(context.packing.n_tokens)  # type: ignore[attr-defined]
        return first(states, context)  # type: ignore[arg-type]

    replace(encoder, layers=(counting, *encoder.layers[1:]))(_prompted(name, 30))  # type: ignore[arg-type]
    assert rows == [30 + sum(OWN)]


def test_where_attention_cannot_share_it_says_so() -> None:
    packing = pack(OWN, CPU, n_shared=8)
    rows = torch.zeros(packing.n_rows, 16)
    with pytest.raises(ValueError, match="only a causal model's pairs share a prefix"):
        attend(rows, rows, rows, packing, n_heads=2, window=None)
    with pytest.raises(ValueError, match="the kernel takes no prefix"):
        attend_varlen(rows, rows, rows, packing, n_heads=2, window=None, causal=True)


def test_a_mean_over_all_tokens_takes_each_pairs_own() -> None:
    model, batch = backbone("qwen3"), _prompted("qwen3", 30)
    encoder = packed_form(model, precision=Precision.FLOAT32, pooling=Pooling.MEAN, capabilities=CPU)
    assert encoder is not None
    torch.testing.assert_close(encoder(batch), reference(model, batch, Pooling.MEAN), rtol=0, atol=1e-5)


@settings(max_examples=200, deadline=None)
@given(
    texts=st.lists(st.lists(st.integers(0, 1), min_size=1, max_size=24), min_size=1, max_size=6),
    prefix=st.lists(st.integers(0, 1), max_size=24),
)
def test_every_pair_is_still_there(texts: list[list[int]], prefix: list[int]) -> None:
    pairs = [prefix + text for text in texts]
    ids = torch.tensor([token for pair in pairs for token in pair])
    batch = TokenBatch(ids, ids + 2, tuple(map(len, pairs)))
    shared = share_prefix(batch)
    beginning = shared.ids[: shared.n_shared].tolist()
    own = shared.ids[shared.n_shared :].split(shared.lengths)
    assert [beginning + tokens.tolist() for tokens in own] == pairs
    assert torch.equal(shared.type_ids, shared.ids + 2)
    assert min(shared.lengths) >= 1
    equal = [len(set(tokens)) == 1 for tokens in zip(*pairs, strict=False)][:-1]
    common = [*equal, False].index(False)
    worth_it = len(pairs) > 1 and common >= 8
    assert shared.n_shared == (common if worth_it else 0)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=20), st.integers(1, 50), st.sampled_from([1, 16]))
def test_positions_and_rows_count_the_prefix(lengths: list[int], n_shared: int, multiple: int) -> None:
    packing = pack(lengths, replace(CPU, key_multiple=multiple), reads_last=True, n_shared=n_shared)
    starts = [n_shared + sum(lengths[:i]) for i in range(len(lengths) + 1)]
    assert packing.bounds.tolist() == starts
    assert packing.n_tokens == starts[-1]
    assert packing.read_rows[: len(lengths)].tolist() == [end - 1 for end in starts[1:]]
    places = [*range(n_shared), *(n_shared + i for length in lengths for i in range(length))]
    assert packing.positions.tolist() == places + [0] * (packing.n_rows - packing.n_tokens)
    rows = [row for group in packing.groups for row in range(group.first_row, group.end_row)]
    assert rows == list(range(n_shared, packing.n_tokens))
