"""Where and in which arithmetic a model runs, from what the caller asked and what the machine has."""

from collections.abc import Sequence

import torch

from secondpass.arguments import describe
from secondpass.encoder import Precision, check_precision
from secondpass.errors import InputError, InputTypeError
from secondpass.execution.parallel_passes import n_parallel_passes
from secondpass.options import DType

# Tokens of one forward pass: enough to keep the matrix units busy, little enough to stay in a CPU's caches.
_BATCH_TOKENS = {"cpu": 4096, "mps": 16384, "cuda": 65536}
# Where several passes share the caches at a time.
_LANE_BATCH_TOKENS = 2048


def devices_for(device: str | torch.device | Sequence[str | torch.device] | None) -> list[torch.device]:
    """The devices asked for; None takes the first of cuda, mps and cpu that there is.

    Raises:
        InputError: A name is no device, or this machine has no such one.
    """
    if device is None:
        return [torch.device(_best_device())]
    names = [device] if isinstance(device, str | torch.device) else list(device)
    if not names:
        raise InputError("device must name at least one device, got an empty list")
    return [_device(name) for name in names]


def device_names(device: object) -> str | tuple[str, ...] | None:
    """The devices asked for, as text: what `devices_for` takes.

    Raises:
        InputTypeError: It is neither a device nor a list of them.
    """
    if device is None or isinstance(device, str | torch.device):
        return None if device is None else str(device)
    if not isinstance(device, Sequence) or not all(isinstance(name, str | torch.device) for name in device):
        raise InputTypeError(
            f"device must be a name such as 'cuda:0', a torch.device, or a list, got {describe(device)}"
        )
    return tuple(str(name) for name in device)


def precision_for(dtype: DType | None, devices: Sequence[torch.device]) -> Precision:
    """The arithmetic asked for; None takes float32 on a CPU and the device's best half precision elsewhere.

    Raises:
        InputError: A device cannot do it.
    """
    if dtype is not None:
        precision = Precision(dtype)
        for device in devices:
            check_precision(precision, device)
        return precision
    if any(device.type == "cpu" for device in devices):
        return Precision.FLOAT32
    if all(device.type == "cuda" for device in devices) and torch.cuda.is_bf16_supported(including_emulation=False):
        return Precision.BFLOAT16
    return Precision.FLOAT16


def batch_tokens_for(batch_tokens: int | None, devices: Sequence[torch.device]) -> int:
    """Tokens of one forward pass; None takes what suits the smallest of the devices."""
    if batch_tokens is not None:
        return batch_tokens
    if n_parallel_passes() > 1 and [device.type for device in devices] == ["cpu"]:
        return _LANE_BATCH_TOKENS
    return min(_BATCH_TOKENS.get(device.type, _BATCH_TOKENS["cpu"]) for device in devices)


def free_cached_memory() -> None:
    """Give accelerators back the memory of freed tensors, which torch otherwise keeps for the next ones."""
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()


def _device(name: str | torch.device) -> torch.device:
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError) as error:
        raise InputError(f"device must be a torch device such as 'cpu' or 'cuda:0', got {name!r}") from error
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not available.get(device.type, True):
        raise InputError(f"device must be one this machine has; there is no {device.type} here, got {name!r}")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise InputError(f"device must be one of {torch.cuda.device_count()} cuda devices, got {name!r}")
    return device


def _best_device() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
