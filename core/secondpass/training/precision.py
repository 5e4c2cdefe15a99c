"""What a run computes with: whether a machine has arithmetic for `run.bf16`, and float32 as GPUs train in it."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from secondpass.encoder import Capabilities
from secondpass.errors import InputError
from secondpass.errors.caller_warnings import warn_caller
from secondpass.execution.devices import capabilities_of


def training_device() -> Capabilities:
    """What a run trains on: CUDA where there is any, else the CPU."""
    return capabilities_of(torch.device("cuda" if torch.cuda.is_available() else "cpu"))


def check_bf16(device: Capabilities) -> None:
    """Refuse `run.bf16` where a device cannot do it, warn where it does it slowly.

    Raises:
        InputError: The device is a GPU without bfloat16 arithmetic.
    """
    if device.device.type == "cuda" and device.default_dtype != torch.bfloat16:
        raise InputError("run.bf16 needs a GPU with bfloat16 arithmetic, which this one lacks: leave it out")
    if torch.bfloat16 in device.slow_dtypes:
        warn_caller("run.bf16 is slow on this CPU, which has no instructions for it: leave it out", UserWarning)


@contextmanager
def tf32_products() -> Iterator[None]:
    """Let GPUs multiply float32 matrices in TF32, eight times as fast and to three digits; nothing changes on CPUs.

    It is a setting of the whole process: scoring after the run finds what it found before. Where somebody has set it by
    torch's other interface (`fp32_precision`), which does not go together with this one, theirs stays.
    """
    if not torch.cuda.is_available():
        yield
        return
    try:
        before = torch.get_float32_matmul_precision()
    except RuntimeError:
        yield
        return
    torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
