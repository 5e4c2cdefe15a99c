"""The packed encoder on a GPU; these skip where there is none."""

from typing import get_args

import pytest
import torch
from random_backbones import MODELS, made, random_batch, reference

from secondpass.encoder import Pooling, Precision, packed
from secondpass.encoder.varlen import applies

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
LENGTHS = (144, 60, 60, 33, 17, 17, 17, 16, 9, 3, 1)


@needs_gpu
@pytest.mark.parametrize("pooling", get_args(Pooling))
@pytest.mark.parametrize("precision", [Precision.FLOAT32, Precision.BFLOAT16, Precision.FLOAT16])
@pytest.mark.parametrize("name", MODELS)
def test_a_gpu_gives_what_transformers_gives(name: str, precision: Precision, pooling: Pooling) -> None:
    """Heads here are no multiple of 8 wide: groups of equal length, without the variable-length kernel."""
    model = made(name)
    batch = random_batch(model, LENGTHS)
    encoder = packed(model, precision=precision, pooling=pooling, device=torch.device("cuda"))
    assert encoder is not None
    expected = reference(model, batch, pooling)
    error = (encoder(batch).cpu() - expected).norm() / expected.norm()
    assert error < {Precision.FLOAT32: 1e-5, Precision.BFLOAT16: 0.05, Precision.FLOAT16: 0.01}[precision]


@needs_gpu
@pytest.mark.parametrize("pooling", get_args(Pooling))
@pytest.mark.parametrize("name", ["bert-wide-head", "modernbert-wide-head"])
def test_the_variable_length_kernel_gives_what_transformers_gives(name: str, pooling: Pooling) -> None:
    model = made(name)
    batch = random_batch(model, LENGTHS)
    assert applies(torch.empty(1, 48, device="cuda", dtype=torch.bfloat16), n_heads=3)
    encoder = packed(model, precision=Precision.FLOAT16, pooling=pooling, device=torch.device("cuda"))
    assert encoder is not None
    expected = reference(model, batch, pooling)
    assert (encoder(batch).cpu() - expected).norm() / expected.norm() < 0.01


def test_the_variable_length_kernel_does_not_apply_on_a_cpu() -> None:
    assert not applies(torch.empty(1, 48, dtype=torch.bfloat16), n_heads=3)
