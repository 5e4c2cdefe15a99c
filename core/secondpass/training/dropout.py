"""Dropout that draws its random bits quickly: torch draws each decision on its own on CPUs, one after another.

Sixteen bits decide on a value, so that a probability is met to 1 / 65536; results are divided by the share that is
really kept. All bits follow from one number of torch's own generator: seeds and resumed runs are what they always were.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

_LEVELS = 2**16
_SEEDS = 2**62


class Dropout(nn.Dropout):
    """As its parent, of which it takes the place in a model that is trained on a CPU."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the parent's
        """Shape: as `input`."""
        if not self.training or self.p in (0.0, 1.0) or input.device.type != "cpu":
            return super().forward(input)
        kept = draw_kept(tuple(input.shape), self.p, input.dtype)
        dropped: Tensor = _Drop.apply(input, kept, kept_share(self.p))  # type: ignore[no-untyped-call] # torch's
        return dropped


def draw_kept(shape: tuple[int, ...], probability: float, dtype: torch.dtype = torch.float32) -> Tensor:
    """1 for values that are kept, each with probability `kept_share(probability)`, else 0. Shape: (*shape), on the CPU.

    They are numbers, not truth values: torch would make numbers of those first, each time, which takes longer than the
    product.
    """
    size = int(np.prod(shape))
    generator = np.random.Generator(np.random.SFC64(int(torch.randint(_SEEDS, ()))))
    words = generator.integers(0, 2**64 - 1, -(-size // 4), dtype=np.uint64, endpoint=True)
    bits = torch.from_numpy(words.view(np.int16))[:size].view(shape)
    # The last one that keeps a value: the first that does not is one more than 16 bits hold where all keep theirs.
    last = _n_kept(probability) - 1 - _LEVELS // 2
    return torch.le(bits, last, out=torch.empty(shape, dtype=dtype))


def kept_share(probability: float) -> float:
    """The share that is kept where `probability` are to be dropped."""
    return _n_kept(probability) / _LEVELS


def _n_kept(probability: float) -> int:
    """How many of 65536 equally likely numbers keep a value; at least one."""
    return max(1, round((1 - probability) * _LEVELS))


class _Drop(torch.autograd.Function):
    """The kept values over their share, and the gradient likewise."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, kept: Tensor, share: float) -> Tensor:  # noqa: ANN401 - torch has no type for it that holds what is kept
        ctx.save_for_backward(kept)
        ctx.share = share
        return _scaled_product(values, kept, 1 / share)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:  # noqa: ANN401 - as above
        (kept,) = ctx.saved_tensors
        return _scaled_product(gradients[0], kept, 1 / ctx.share), None, None


def _scaled_product(values: Tensor, kept: Tensor, scale: float) -> Tensor:
    """All three factors in one pass over memory, added to nothing."""
    return torch.addcmul(values.new_zeros(()), values, kept, value=scale)
