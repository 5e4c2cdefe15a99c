"""A model on a device: equal tokens have equal outputs."""

import numpy as np
import pytest
import torch
from random_backbones import CPU
from torch import nn

from secondpass.execution.network import Network
from secondpass.tokenization.tokens import PairTokens


@pytest.mark.parametrize("hidden", [24, 384])
def test_equal_pairs_have_equal_outputs_however_many_they_are(hidden: int) -> None:
    """Kernels of products take rows at the edge of a matrix otherwise than the rest, to the last bit."""
    torch.manual_seed(0)
    state = torch.randn(1, hidden)
    head = nn.Sequential(nn.Linear(hidden, hidden), nn.Tanh(), nn.Linear(hidden, 1))
    network = Network(lambda batch: state.repeat(len(batch.lengths), 1), head, CPU)
    for n_pairs in range(1, 130):
        outputs = network(
            PairTokens(np.full(n_pairs, 8, np.int32), np.zeros(n_pairs, np.uint8), np.ones(n_pairs, np.int64))
        )
        assert outputs.shape == (n_pairs, 1)
        assert outputs.unique().numel() == 1, n_pairs
