"""A model on a device: its tokens go there, and its outputs come from there."""

import numpy as np
import pytest
import torch
from random_backbones import backbone
from torch import nn

from secondpass.checkpoint import RankingModel
from secondpass.encoder import Capabilities, Pooling, Precision
from secondpass.errors import InputError
from secondpass.execution.devices import Placement, capabilities_of
from secondpass.execution.network import networks_on
from secondpass.tokenization.tokens import PairTokens

META = Capabilities(torch.device("meta"))
LENGTHS = (9, 4, 4)


@pytest.mark.parametrize("pooling", [Pooling.CLS, Pooling.MEAN])
def test_tokens_are_moved_to_the_device(pooling: Pooling) -> None:
    """Torch's device without memory refuses to mix with the CPU."""
    (network,) = networks_on(_placement(META), _model(pooling), _tokens)
    outputs = network(_tokens())
    assert (outputs.shape, outputs.dtype, outputs.device) == ((3, 1), torch.float32, META.device)


def test_every_device_has_a_model_of_its_own() -> None:
    cpu = capabilities_of(torch.device("cpu"))
    model = _model(Pooling.CLS)
    on_cpu, on_meta = networks_on(_placement(cpu, META), model, _tokens)
    assert on_cpu(_tokens()).device == cpu.device
    assert on_meta(_tokens()).device == META.device


def test_a_precision_that_needs_ranges_has_no_padded_form() -> None:
    placement = Placement((capabilities_of(torch.device("cpu")),), Precision.INT8, 100)
    with pytest.raises(InputError, match="dtype 'int8' has no form for BertModel: use 'float32'"):
        networks_on(placement, _model(Pooling.MAX), _tokens)


def _placement(*devices: Capabilities) -> Placement:
    return Placement(devices, Precision.FLOAT32, 100)


def _model(pooling: Pooling) -> RankingModel:
    model = backbone("bert")
    return RankingModel(model, pooling, nn.Linear(model.config.hidden_size, 1), {0: "relevance"})


def _tokens() -> PairTokens:
    n_tokens = sum(LENGTHS)
    return PairTokens(np.full(n_tokens, 8, np.int32), np.zeros(n_tokens, np.uint8), np.array(LENGTHS, np.int64))
