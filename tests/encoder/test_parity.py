"""The packed encoder gives what transformers' own forward gives."""

from dataclasses import replace
from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_backbones import (
    CASES,
    CAUSAL_MODELS,
    CPU,
    POSITIONS,
    backbone,
    packed_form,
    random_batch,
    reference,
    rounding_texts,
)
from torch import Tensor
from transformers import PreTrainedModel

from secondpass.encoder import PackedEncoder, Pooling, Precision, TokenBatch

LENGTHS = (1, 2, 3, 15, 16, 17, 17, 17, 60, 9, 144, 33, 16, POSITIONS - 8)

# Reduced precisions: the largest error of a pair, as a share of what one other token in its middle makes.
TOLERANCES = {Precision.BFLOAT16: 0.5, Precision.FLOAT16: 0.1}


def _error(got: Tensor, expected: Tensor) -> Tensor:
    """Root mean square error of each pair, relative to the expected state's. Shape: (n_pairs,)."""
    return (got - expected).pow(2).mean(dim=1).sqrt() / expected.pow(2).mean(dim=1).sqrt()


def _fault(model: PreTrainedModel) -> float:
    """How far one other token in the middle of a pair moves the mean of its states."""
    batch = random_batch(model, (12,))
    other = batch.ids.clone()
    other[6] = 8 + (other[6] - 7) % 80
    changed = reference(model, TokenBatch(other, batch.type_ids, batch.lengths), Pooling.MEAN)
    return _error(changed, reference(model, batch, Pooling.MEAN)).item()


@cache
def _packed(name: str, pooling: Pooling, precision: Precision = Precision.FLOAT32) -> PackedEncoder:
    encoder = packed_form(backbone(name), precision=precision, pooling=pooling, capabilities=CPU)
    assert encoder is not None
    return encoder


@pytest.mark.parametrize(("name", "pooling"), CASES)
def test_float32_equals_transformers(name: str, pooling: Pooling) -> None:
    model = backbone(name)
    batch = random_batch(model, LENGTHS)
    expected = reference(model, batch, pooling)
    assert expected.std(dim=0).mean() > 0.1, "the states must differ from pair to pair to show a fault"
    torch.testing.assert_close(_packed(name, pooling)(batch), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("precision", TOLERANCES)
@pytest.mark.parametrize(("name", "pooling"), CASES)
def test_reduced_precisions_stay_close(name: str, pooling: Pooling, precision: Precision) -> None:
    model = backbone(name)
    batch = random_batch(model, LENGTHS)
    expected = reference(model, batch, pooling)
    assert _error(_packed(name, pooling, precision)(batch), expected).max() < TOLERANCES[precision] * _fault(model)


@pytest.mark.skipif(not CPU.int8_products, reason="this CPU has no 8-bit products")
@pytest.mark.parametrize("amx", [True, False])
@pytest.mark.parametrize(("name", "pooling"), [case for case in CASES if case[0] not in CAUSAL_MODELS])
def test_int8_stays_close(name: str, pooling: Pooling, amx: bool) -> None:  # noqa: FBT001 - pytest passes it by name
    """With AMX attention's products stay in bfloat16, without it they are 8-bit too: both forms run everywhere."""
    model = backbone(name)
    batch = random_batch(model, LENGTHS)
    encoder = packed_form(
        model,
        precision=Precision.INT8,
        pooling=pooling,
        capabilities=replace(CPU, matrix_units=amx),
        rounding_texts=rounding_texts(model),
    )
    assert encoder is not None
    assert _error(encoder(batch), reference(model, batch, pooling)).mean() < 0.75 * _fault(model)


@pytest.mark.parametrize(("name", "pooling"), CASES)
def test_a_pair_alone_equals_the_pair_among_others(name: str, pooling: Pooling) -> None:
    batch = random_batch(backbone(name), LENGTHS)
    encoder = _packed(name, pooling)
    ids, types = batch.ids.split(batch.lengths), batch.type_ids.split(batch.lengths)
    alone = [encoder(TokenBatch(i, t, (len(i),))) for i, t in zip(ids, types, strict=True)]
    torch.testing.assert_close(encoder(batch), torch.cat(alone), rtol=0, atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(
    case=st.sampled_from(CASES),
    lengths=st.lists(st.integers(1, 70), min_size=1, max_size=12),
    seed=st.integers(0, 1000),
)
def test_any_lengths_equal_transformers(case: tuple[str, Pooling], lengths: list[int], seed: int) -> None:
    name, pooling = case
    model = backbone(name)
    batch = random_batch(model, lengths, seed=seed)
    torch.testing.assert_close(_packed(name, pooling)(batch), reference(model, batch, pooling), rtol=0, atol=1e-5)


def test_a_pad_inside_a_text_takes_robertas_position() -> None:
    model = backbone("roberta")
    batch = random_batch(model, (9, 12))
    batch.ids[[3, 4, 8, 15]] = model.config.pad_token_id
    states = _packed("roberta", Pooling.CLS)(batch)
    torch.testing.assert_close(states, reference(model, batch, Pooling.CLS), rtol=0, atol=1e-5)


def test_the_states_are_float32_and_one_per_pair() -> None:
    model = backbone("bert")
    for precision in (Precision.FLOAT32, Precision.BFLOAT16, Precision.FLOAT16):
        out = _packed("bert", Pooling.CLS, precision)(random_batch(model, (4, 4, 7)))
        assert out.dtype == torch.float32
        assert out.shape == (3, model.config.hidden_size)
