"""The seed of a run, and the caller's random numbers, which go on after it as if there had been none."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from transformers import set_seed


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed the generators of Python, numpy and torch, which models, data and the trainer draw from, for a while.

    Given back are those of CPU and CUDA; other accelerators keep the seed.

    Args:
        seed: From 0 to 2 ** 32 - 1.
    """
    of_python, of_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - the state that libraries draw from
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        set_seed(seed)
        try:
            yield
        finally:
            random.setstate(of_python)
            np.random.set_state(of_numpy)  # noqa: NPY002 - as above
