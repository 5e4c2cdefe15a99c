"""Parts whose rounding would change the order stay in float32, and no others."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from random_backbones import CPU, packed_form, random_batch, rounding_texts
from scipy.stats import kendalltau
from sensitive_backbones import SENSITIVE_PART, difference, ordinary_backbone, sensitive_backbone
from torch import Tensor
from transformers import PreTrainedModel

from secondpass.encoder import (
    Capabilities,
    PackedEncoder,
    Pooling,
    Precision,
    RoundingTexts,
    TokenBatch,
)
from secondpass.encoder.rounding_texts import CANDIDATES

needs_int8 = pytest.mark.skipif(not CPU.int8_products, reason="this CPU has no 8-bit products")
LENGTHS = (5, 9, 9, 14, 20, 20, 31, 40) * 5


def _packed(
    model: PreTrainedModel,
    precision: Precision,
    texts: RoundingTexts | None = None,
    capabilities: Capabilities = CPU,
) -> PackedEncoder:
    encoder = packed_form(
        model, precision=precision, pooling=Pooling.CLS, capabilities=capabilities, rounding_texts=texts
    )
    assert encoder is not None
    return encoder


def _texts(model: PreTrainedModel) -> RoundingTexts:
    return rounding_texts(model, difference)


def _scores(encoder: PackedEncoder, model: PreTrainedModel) -> Tensor:
    """On other texts than ranges were measured on."""
    with torch.inference_mode():
        return difference(encoder(random_batch(model, LENGTHS, seed=2)))


def _tau(encoder: PackedEncoder, model: PreTrainedModel) -> float:
    exact = _scores(_packed(model, Precision.FLOAT32), model)
    return float(kendalltau(_scores(encoder, model), exact).statistic)


@needs_int8
def test_a_difference_of_large_numbers_keeps_the_part_that_makes_it_in_float32() -> None:
    model = sensitive_backbone()
    rounded = _packed(model, Precision.INT8, rounding_texts(model))
    assert rounded.float32_parts == ()
    assert _tau(rounded, model) < 0.7
    encoder = _packed(model, Precision.INT8, _texts(model))
    assert encoder.float32_parts == (SENSITIVE_PART,)
    assert _tau(encoder, model) > 0.9


@needs_int8
def test_an_ordinary_model_is_rounded_throughout() -> None:
    model = ordinary_backbone()
    encoder = _packed(model, Precision.INT8, _texts(model))
    assert encoder.float32_parts == ()
    assert _tau(encoder, model) > 0.9


@needs_int8
@pytest.mark.parametrize("large", [0.1, 1, 2, 4, 8, 16, 300])
def test_what_is_bearable_stays_rounded_and_what_is_not_is_relieved(large: float) -> None:
    model, plain = sensitive_backbone(large=large), replace(CPU, slow_dtypes=frozenset({torch.bfloat16}))
    texts, bounds = _texts(model), Precision.INT8.error_bounds
    assert bounds is not None
    encoder = _packed(model, Precision.INT8, texts, plain)
    with torch.inference_mode():
        exact = _packed(model, Precision.FLOAT32, capabilities=plain)(texts.ranked)
        rounded = _packed(model, Precision.INT8, rounding_texts(model), plain)(texts.ranked)
        assert bool(encoder.float32_parts) == (texts.error(rounded, exact) > bounds.bearable)
        if encoder.float32_parts:
            assert texts.error(encoder(texts.ranked), exact) <= bounds.relieved


@needs_int8
def test_a_model_that_does_not_bear_rounding_has_its_states_in_float32() -> None:
    """Though the CPU is fast in bfloat16, where others have them."""
    capabilities = replace(CPU, slow_dtypes=frozenset())
    for model, dtype in ((ordinary_backbone(), torch.bfloat16), (sensitive_backbone(), torch.float32)):
        encoder = _packed(model, Precision.INT8, _texts(model), capabilities)
        assert encoder.embeddings.token.dtype == dtype
        assert _tau(encoder, model) > 0.9


@needs_int8
def test_the_same_parts_are_kept_every_time() -> None:
    model = sensitive_backbone()
    first, second = (_packed(model, Precision.INT8, _texts(model)) for _ in range(2))
    assert first.float32_parts == second.float32_parts
    assert torch.equal(_scores(first, model), _scores(second, model))


def _error(rounded: list[float], exact: list[float], n_lists: int = 1) -> float:
    batch = TokenBatch(torch.tensor([5]), torch.tensor([0]), (1,))
    texts = RoundingTexts(batch, lambda pooled: pooled[:, 0], n_lists=n_lists)
    return texts.error(torch.tensor(rounded).float()[:, None], torch.tensor(exact).float()[:, None])


def test_the_error_is_the_deviation_of_changes_in_that_of_scores() -> None:
    """Changes 0, 0, 1 lie 1/3 to 2/3 from their mean: squares of 2/3 in all. Those of the scores make 2."""
    assert _error([0, 1, 3], [0, 1, 2]) == pytest.approx((1 / 3) ** 0.5)


def test_what_lies_between_lists_counts_nowhere() -> None:
    """Within lists, changes of -1/2, 1/2 and 0, 0 make squares of 1/2; scores of -1, 1 and -1, 1 make 4."""
    assert _error([0, 3, 207, 209], [0, 2, 100, 102], n_lists=2) == pytest.approx((1 / 8) ** 0.5)


def test_lists_are_of_one_length() -> None:
    assert len({len(documents) for documents in CANDIDATES.values()}) == 1


@needs_int8
def test_ranges_are_not_those_of_the_lists() -> None:
    model = ordinary_backbone()
    texts = rounding_texts(model, torch.zeros_like)  # without an order no part stays in float32
    short = replace(texts, lists=random_batch(model, (5, 5), seed=3))
    assert torch.equal(
        _scores(_packed(model, Precision.INT8, short), model), _scores(_packed(model, Precision.INT8, texts), model)
    )


def test_scores_without_an_order_have_none_to_lose() -> None:
    assert _error([1, 2, 3], [7, 7, 7]) == 0


@given(st.lists(st.integers(-99, 99), min_size=2, max_size=8), st.integers(-99, 99))
def test_a_shift_of_all_scores_is_no_error(scores: list[int], shift: int) -> None:
    assert _error([score + shift for score in scores], list(map(float, scores))) == pytest.approx(0, abs=1e-5)
