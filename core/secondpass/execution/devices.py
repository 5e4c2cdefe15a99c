"""Where and in which precision a model runs, from what the caller asked and what the machine has.

This is the one file that makes `Capabilities`, which everything else reads. A new device is its entry in
`capabilities_of`, its test in `_is_available`, and its place in `_BEST_FIRST`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch

from secondpass.arguments import describe
from secondpass.encoder import Capabilities, Precision, check_precision
from secondpass.encoder.arithmetic import onednn
from secondpass.encoder.attention import varlen
from secondpass.errors import InputError, InputTypeError
from secondpass.execution.parallel_passes import n_parallel_passes
from secondpass.options import DType

# Devices that are taken where the caller names none.
_BEST_FIRST = ("cuda", "mps", "cpu")
# Tokens of one forward pass. On a CPU enough to fill its vector units, and few enough to stay in its caches, which
# several passes at a time share. For CUDA and MPS these are estimates, not measured.
_CPU_BATCH_TOKENS = 4096
_PARALLEL_BATCH_TOKENS = 2048
_CUDA_BATCH_TOKENS = 65536
_MPS_BATCH_TOKENS = 16384
# oneDNN prepares a product whenever a number of rows is new to it, which takes some milliseconds, and keeps half a MiB
# for each of the last thousand: the fewer numbers, the better.
_ONEDNN_ROW_MULTIPLE = 32
# A CPU's attention falls to scalar code for the last keys that do not fill a vector.
_CPU_KEY_MULTIPLE = 16
# The first of NVIDIA's GPUs that compute in bfloat16, and for which torch has the variable-length kernel.
_AMPERE = (8, 0)


@dataclass(frozen=True, slots=True)
class Placement:
    """Where and how a model runs.

    Args:
        devices: One or more.
        precision: Of the transformer, on all of them.
        batch_tokens: Tokens of one forward pass.
    """

    devices: tuple[Capabilities, ...]
    precision: Precision
    batch_tokens: int

    def for_weights(self, in_float16: Callable[[], bool]) -> Self:
        """The same, or float16 in place of bfloat16 for weights that are stored in it, where nobody names a precision.

        Whoever stored them so has seen the model in it, and it is as fast as bfloat16 and eight times as exact.

        Args:
            in_float16: Tells whether they are; called only where that matters, for it reads all files' headers.
        """
        return (
            replace(self, precision=Precision.FLOAT16)
            if self.precision is Precision.BFLOAT16 and in_float16()
            else self
        )


def placement_for(
    device: str | torch.device | Sequence[str | torch.device] | None, dtype: DType | None, batch_tokens: int | None
) -> Placement:
    """Where and how a model runs.

    Args:
        device: Such as "cuda:0", or several of them; None takes the first of cuda, mps and cpu that there is.
        dtype: The precision; None takes float32 on a CPU and the best half precision elsewhere.
        batch_tokens: Tokens of one forward pass; None takes what suits the smallest of the devices.

    Raises:
        InputError: This machine lacks a device, or a device the precision.
    """
    devices = tuple(map(capabilities_of, devices_for(device)))
    precision = _default_precision(devices) if dtype is None else Precision(dtype)
    for capabilities in devices:
        check_precision(precision, capabilities)
    return Placement(devices, precision, _default_batch_tokens(devices) if batch_tokens is None else batch_tokens)


def devices_for(device: str | torch.device | Sequence[str | torch.device] | None) -> list[torch.device]:
    """The devices asked for; None takes the first of cuda, mps and cpu that there is.

    Raises:
        InputError: A name is not a device, or not one that this machine has.
    """
    if device is None:
        return [torch.device(next(kind for kind in _BEST_FIRST if _is_available(kind)))]
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


def capabilities_of(device: torch.device) -> Capabilities:
    """What a device of this machine can do."""
    match device.type:
        case "cpu":
            return Capabilities(
                device,
                default_dtype=torch.float32,
                batch_tokens=_CPU_BATCH_TOKENS,
                slow_dtypes=frozenset(
                    dtype
                    for dtype, is_native in (
                        (torch.bfloat16, onednn.has_bfloat16()),
                        (torch.float16, onednn.has_float16()),
                    )
                    if not is_native
                ),
                onednn_dtypes=onednn.product_dtypes(),
                int8_products=onednn.has_int8(),
                int8_pairs=onednn.adds_int8_pairs(),
                matrix_units=onednn.has_amx(),
                wide_heads=True,
                key_multiple=_CPU_KEY_MULTIPLE,
                row_multiple=_ONEDNN_ROW_MULTIPLE,
                float32_norms=True,
                cheap_calls=True,
                splits_cores=True,
                float32_at_hand=True,
            )
        case "cuda":
            is_ampere = torch.cuda.get_device_capability(device) >= _AMPERE
            # The rule of torch.cuda.is_bf16_supported, which speaks of the current device alone: AMD's all have it.
            has_bfloat16 = is_ampere or torch.version.hip is not None
            return Capabilities(
                device,
                default_dtype=torch.bfloat16 if has_bfloat16 else torch.float16,
                batch_tokens=_CUDA_BATCH_TOKENS,
                varlen_attention=is_ampere and varlen.has_kernel(),
                pinned_copies=True,
            )
        case "mps":
            return Capabilities(device, batch_tokens=_MPS_BATCH_TOKENS)
        case _:
            return Capabilities(device)


def device_name(device: torch.device) -> str | None:
    """The product name of a GPU; None where torch does not tell it."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else None


def free_cached_memory() -> None:
    """Give accelerators back the memory of freed tensors, which torch otherwise keeps for the next ones."""
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()


def _default_precision(devices: Sequence[Capabilities]) -> Precision:
    """The most exact of the devices' own choices."""
    dtypes = {capabilities.default_dtype for capabilities in devices}
    if torch.float32 in dtypes:
        return Precision.FLOAT32
    return Precision.FLOAT16 if torch.float16 in dtypes else Precision.BFLOAT16


def _default_batch_tokens(devices: Sequence[Capabilities]) -> int:
    if n_parallel_passes(devices) > 1:
        return _PARALLEL_BATCH_TOKENS
    return min(capabilities.batch_tokens for capabilities in devices)


def _device(name: str | torch.device) -> torch.device:
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError) as error:
        raise InputError(f"device must be a torch device such as 'cpu' or 'cuda:0', got {name!r}") from error
    if not _is_available(device.type):
        raise InputError(f"device must be one this machine has; there is no {device.type} here, got {name!r}")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise InputError(f"device must be one of {torch.cuda.device_count()} cuda devices, got {name!r}")
    return device


def _is_available(kind: str) -> bool:
    match kind:
        case "cuda":
            return torch.cuda.is_available()
        case "mps":
            return torch.backends.mps.is_available()
        case _:  # torch itself refuses those that it was built without
            return True
