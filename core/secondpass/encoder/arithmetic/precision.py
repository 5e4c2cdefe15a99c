"""The arithmetics an encoder may run in, and what a machine makes of them."""

import platform
import warnings
from enum import StrEnum

import torch

from secondpass.errors import InputError


class Precision(StrEnum):
    """A number format of the transformer's weights and products; heads and activations stay in float32."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"
    INT8 = "int8"

    @property
    def torch_dtype(self) -> torch.dtype:
        """The dtype of hidden states."""
        if self is Precision.INT8:
            return torch.bfloat16 if native_bfloat16() else torch.float32
        return {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(self, torch.float32)


def check_precision(precision: Precision, device: torch.device) -> None:
    """Refuse what a device cannot do; warn of what it does slowly.

    Raises:
        InputError: int8 elsewhere than on a CPU with 8-bit dot products.
    """
    if precision is Precision.INT8 and device.type != "cpu":
        raise InputError(f"dtype 'int8' runs on CPUs only, got device '{device}': use 'float16' or 'bfloat16' there")
    if precision is Precision.INT8 and not has_int8():
        raise InputError("dtype 'int8' needs a CPU with VNNI or AMX, which this one has not: use 'float32'")
    slow = (precision is Precision.BFLOAT16 and not native_bfloat16()) or (
        precision is Precision.FLOAT16 and not _has_float16()
    )
    if device.type == "cpu" and slow:
        warnings.warn(
            f"dtype '{precision}' is slow on this CPU, which has no instructions for it: use 'float32'",
            UserWarning,
            stacklevel=2,
        )


def native_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 itself; without AVX512-BF16 or AMX it takes six times as long as float32."""
    if _is_x86():
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()  # noqa: SLF001 - no public way
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())  # noqa: SLF001 - as above


def has_amx() -> bool:
    """Whether this CPU has matrix units."""
    return torch.cpu._is_amx_tile_supported()  # noqa: SLF001 - as above


def _has_float16() -> bool:
    if _is_x86():
        return bool(torch.ops.mkldnn._is_mkldnn_fp16_supported())  # noqa: SLF001 - as above
    return native_bfloat16()


def has_int8() -> bool:
    """Whether this CPU multiplies 8-bit integers itself, by VNNI or AMX."""
    return _is_x86() and torch.cpu._is_vnni_supported()  # noqa: SLF001 - as above


def _is_x86() -> bool:
    return platform.machine().lower() in ("x86_64", "amd64")
