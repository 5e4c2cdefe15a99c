"""A loaded model on its devices: its tokens go there, and its outputs come from there."""

import numpy as np
import pytest
import torch
from random_backbones import CPU, VOCABULARY, backbone
from sensitive_backbones import SENSITIVE_PART, difference, sensitive_backbone
from torch import Tensor, nn

from secondpass.checkpoint import SplitModel
from secondpass.encoder import Capabilities, ModelInputs, Pooling, Precision
from secondpass.errors import InputError
from secondpass.execution.build_networks import networks_on
from secondpass.execution.devices import Placement, capabilities_of
from secondpass.tokenization.tokens import PairTokens

META = Capabilities(torch.device("meta"))
LENGTHS = (9, 4, 4)


@pytest.mark.parametrize("pooling", [Pooling.CLS, Pooling.MEAN])
def test_tokens_are_moved_to_the_device(pooling: Pooling) -> None:
    """Torch's device without memory refuses to mix with the CPU."""
    (network,) = networks_on(_placement(META), _model(pooling), _tokens, ModelInputs())
    outputs = network(_tokens())
    assert (outputs.shape, outputs.dtype, outputs.device) == ((3, 1), torch.float32, META.device)


def test_every_device_has_a_model_of_its_own() -> None:
    cpu = capabilities_of(torch.device("cpu"))
    model = _model(Pooling.CLS)
    on_cpu, on_meta = networks_on(_placement(cpu, META), model, _tokens, ModelInputs())
    assert on_cpu(_tokens()).device == cpu.device
    assert on_meta(_tokens()).device == META.device


def test_a_precision_that_needs_ranges_has_no_padded_form() -> None:
    placement = Placement((capabilities_of(torch.device("cpu")),), Precision.INT8, 100)
    with pytest.raises(InputError, match="dtype 'int8' has no form for BertModel: use 'float32'"):
        networks_on(placement, _model(Pooling.MAX), _tokens, ModelInputs())


@pytest.mark.skipif(not CPU.int8_products, reason="this CPU has no 8-bit products")
def test_rounding_counts_by_the_scores_that_outputs_become() -> None:
    placement = Placement((CPU,), Precision.INT8, 100)
    model = SplitModel(sensitive_backbone(), Pooling.CLS, _Difference(), {0: "relevance"})
    (by_outputs,) = networks_on(placement, model, _varied_tokens, ModelInputs())
    assert by_outputs.float32_parts == (SENSITIVE_PART,)
    (by_nothing,) = networks_on(placement, model, _varied_tokens, ModelInputs(), scores=torch.zeros_like)
    assert by_nothing.float32_parts == ()


class _Difference(nn.Module):
    def forward(self, pooled: Tensor) -> Tensor:
        return difference(pooled)[:, None]


def _placement(*devices: Capabilities) -> Placement:
    return Placement(devices, Precision.FLOAT32, 100)


def _model(pooling: Pooling) -> SplitModel:
    model = backbone("bert")
    return SplitModel(model, pooling, nn.Linear(model.config.hidden_size, 1), {0: "relevance"})


def _tokens() -> PairTokens:
    n_tokens = sum(LENGTHS)
    return PairTokens(np.full(n_tokens, 8, np.int32), np.zeros(n_tokens, np.uint8), np.array(LENGTHS, np.int64))


def _varied_tokens() -> PairTokens:
    random = np.random.default_rng(0)
    lengths = random.integers(5, 40, size=16)
    n_tokens = int(lengths.sum())
    ids = random.integers(8, VOCABULARY, n_tokens, dtype=np.int32)
    return PairTokens(ids, np.zeros(n_tokens, np.uint8), lengths)
