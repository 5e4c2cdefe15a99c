"""oneDNN's products and the CPU's instructions, through operators that torch keeps private.

No other file calls a private operator of torch, so this is the only one to check with a new version of torch.
"""

import os
import platform
from dataclasses import dataclass

import torch
from torch import Tensor

from secondpass.encoder.arithmetic.nonlinearity import Nonlinearity

# Nonlinearities that oneDNN applies while a result is still in cache, by its attribute and algorithm.
_FUSED: dict[Nonlinearity | None, tuple[str, str]] = {
    None: ("none", ""),
    Nonlinearity.GELU: ("gelu", "none"),
    Nonlinearity.GELU_TANH: ("gelu", "tanh"),
    Nonlinearity.RELU: ("relu", ""),
    Nonlinearity.SILU: ("swish", ""),
    Nonlinearity.TANH: ("tanh", ""),
}
# What limits the instructions that oneDNN uses. With any it counts as having those of AVX2 alone: sums in 16 bits are
# right with all of them, and bfloat16 that it emulates is many times slower than float32.
_ONEDNN_LIMITS = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")


@dataclass(frozen=True, slots=True)
class Quantization:
    """The 8-bit numbers of a whole matrix: value = (number - zero_point) * scale."""

    scale: float
    zero_point: int


@dataclass(frozen=True, slots=True)
class OneDnnLinear:
    """A product in floating point: weights in oneDNN's blocked layout, the nonlinearity fused into the product."""

    weight: Tensor
    bias: Tensor | None
    attribute: str
    algorithm: str

    def __call__(self, rows: Tensor) -> Tensor:
        """See `Linear`."""
        out: Tensor = torch.ops.mkldnn._linear_pointwise(  # noqa: SLF001 - torch's inductor calls it so
            rows, self.weight, self.bias, self.attribute, [], self.algorithm
        )
        return out


@dataclass(frozen=True, slots=True)
class OneDnnGate:
    """A product in floating point, multiplied with other rows while it is in cache."""

    weight: Tensor
    bias: Tensor | None

    def __call__(self, rows: Tensor, others: Tensor) -> Tensor:
        """Shape: (n_rows, n_in), (n_rows, n_out) -> (n_rows, n_out)."""
        out: Tensor = torch.ops.mkldnn._linear_pointwise.binary(  # noqa: SLF001 - as above
            rows, others, self.weight, self.bias, "mul"
        )
        return out


@dataclass(frozen=True, slots=True)
class Int8Product:
    """An integer product of 8-bit rows.

    Args:
        weight: In oneDNN's layout, signed.
        weight_scales: Shape: (n_out,).
        weight_zero_points: All zero; the operator wants them. Shape: (n_out,), int32.
        bias: Float32.
        incoming: What the rows' numbers mean.
        outgoing: What the result's numbers mean, or its dtype where it is not 8-bit.
        nonlinearity: Applied before the result is stored.
    """

    weight: Tensor
    weight_scales: Tensor
    weight_zero_points: Tensor
    bias: Tensor | None
    incoming: Quantization
    outgoing: Quantization | torch.dtype
    nonlinearity: Nonlinearity | None

    def __call__(self, rows: Tensor) -> Tensor:
        """Shape: (n_rows, n_in), uint8 -> (n_rows, n_out)."""
        attribute, algorithm = _FUSED[self.nonlinearity]
        outgoing = self.outgoing if isinstance(self.outgoing, Quantization) else Quantization(1.0, 0)
        out: Tensor = torch.ops.onednn.qlinear_pointwise(
            rows,
            self.incoming.scale,
            self.incoming.zero_point,
            self.weight,
            self.weight_scales,
            self.weight_zero_points,
            self.bias,
            outgoing.scale,
            outgoing.zero_point,
            torch.uint8 if isinstance(self.outgoing, Quantization) else self.outgoing,
            attribute,
            [],
            algorithm,
        )
        return out


def make_onednn_linear(weight: Tensor, bias: Tensor | None, nonlinearity: Nonlinearity | None) -> OneDnnLinear:
    """The product of these weights, in their dtype.

    Args:
        weight: Shape: (n_out, n_in), in a dtype of `product_dtypes`.
        bias: Shape: (n_out,), or None.
        nonlinearity: What follows, applied by the product.
    """
    return OneDnnLinear(_blocked(weight), bias, *_FUSED[nonlinearity])


def make_onednn_gate(weight: Tensor, bias: Tensor | None) -> OneDnnGate:
    """The product of these weights with other rows; as in `make_onednn_linear`."""
    return OneDnnGate(_blocked(weight), bias)


def make_int8_product(
    numbers: Tensor,
    scales: Tensor,
    bias: Tensor | None,
    nonlinearity: Nonlinearity | None,
    incoming: Quantization,
    outgoing: Quantization | torch.dtype,
) -> Int8Product:
    """The product of quantised weights.

    Args:
        numbers: Shape: (n_out, n_in), int8.
        scales: What one step of a row's numbers is worth. Shape: (n_out,).
        bias: Shape: (n_out,), float32, or None.
        nonlinearity: What follows, applied by the product.
        incoming: See `Int8Product`.
        outgoing: See `Int8Product`.
    """
    return Int8Product(
        weight=torch.ops.onednn.qlinear_prepack(numbers, None),
        weight_scales=scales,
        weight_zero_points=torch.zeros(len(scales), dtype=torch.int32),
        bias=None if bias is None else bias.clone(),
        incoming=incoming,
        outgoing=outgoing,
        nonlinearity=nonlinearity,
    )


def product_dtypes() -> frozenset[torch.dtype]:
    """The formats that oneDNN multiplies here, emulated ones included; not float32 where MKL does better."""
    if not torch.backends.mkldnn.is_available():
        return frozenset()
    has = {
        # With AVX2 alone oneDNN's GELU takes half as long as the product before it (Zen 3). MKL's product is as fast,
        # on AMD too, and torch's own GELU takes an eighth of it.
        torch.float32: not (_instructions() == "AVX2" and torch.backends.mkl.is_available()),
        torch.bfloat16: torch.ops.mkldnn._is_mkldnn_bf16_supported(),  # noqa: SLF001 - as above
        torch.float16: torch.ops.mkldnn._is_mkldnn_fp16_supported(),  # noqa: SLF001 - as above
    }
    return frozenset(dtype for dtype, is_supported in has.items() if is_supported)


def has_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 itself; without AVX512-BF16 or AMX it takes six times as long as float32."""
    if _is_x86():
        return not _is_limited() and (torch.cpu._is_avx512_bf16_supported() or has_amx())  # noqa: SLF001 - no public way
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())  # noqa: SLF001 - as above


def has_float16() -> bool:
    """Whether this CPU multiplies float16 itself."""
    if _is_x86():
        return not _is_limited() and bool(torch.ops.mkldnn._is_mkldnn_fp16_supported())  # noqa: SLF001 - as above
    return has_bfloat16()


def has_int8() -> bool:
    """Whether this CPU multiplies 8-bit integers faster than float32: by VNNI or AMX, or with AVX2 by older means."""
    return _is_x86() and torch.backends.mkldnn.is_available() and _instructions() in ("AVX2", "AVX512")


def adds_int8_pairs() -> bool:
    """Whether it adds the products of two neighbours in 16 bits, for want of VNNI or because oneDNN must not use it."""
    return _is_limited() or not (_instructions() == "AVX512" and torch.cpu._is_vnni_supported())  # noqa: SLF001 - as above


def has_amx() -> bool:
    """Whether this CPU has matrix units."""
    return not _is_limited() and torch.cpu._is_amx_tile_supported()  # noqa: SLF001 - as above


def _blocked(weight: Tensor) -> Tensor:
    blocked: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), None)  # noqa: SLF001 - as above
    return blocked


def _is_limited() -> bool:
    return any(variable in os.environ for variable in _ONEDNN_LIMITS)


def _instructions() -> str:
    """The newest that torch uses: the CPU's, unless ATEN_CPU_CAPABILITY says less."""
    return torch.backends.cpu.get_cpu_capability()


def _is_x86() -> bool:
    return platform.machine().lower() in ("x86_64", "amd64")
