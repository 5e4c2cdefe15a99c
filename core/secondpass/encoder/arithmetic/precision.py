"""The number formats an encoder may compute in: what each needs, where it runs well, and who makes its products.

A new precision is a member here, its branch in `make_arithmetic`, and its word in `secondpass.options.DType`. If it
differs from float32 by rounding alone, as half precision does, `secondpass.fingerprints` has to know.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import torch

from secondpass.encoder.arithmetic.arithmetic import Arithmetic, FloatArithmetic
from secondpass.encoder.arithmetic.int8 import Int8Arithmetic, worthwhile_ranges
from secondpass.encoder.arithmetic.ranges import Range
from secondpass.encoder.capabilities import Capabilities
from secondpass.errors import InputError
from secondpass.errors.caller_warnings import warn_caller

# Of the ranges and of which parts stay in float32: scores that were kept under another version's rules are not found
# again.
_INT8_RULES = "rules 4"


@dataclass(frozen=True, slots=True)
class ErrorBounds:
    """How far rounding may move the scores of a query's candidates, in their standard deviation.

    Two bounds, as both are measured on few texts: a model that is near the first one is not worth slowing down, and one
    beyond it has parts whose rounding may cost more than these texts show.

    Args:
        bearable: Up to this all of a model is rounded.
        relieved: The most that is left where that is not so, and some parts are in float32.
    """

    bearable: float
    relieved: float


class Precision(StrEnum):
    """A number format of the transformer's weights and products; heads and norms' statistics stay in float32."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"
    INT8 = "int8"

    @property
    def needs_ranges(self) -> bool:
        """Whether the ranges of values must be measured on texts first; such a precision has no unpacked form."""
        return self is Precision.INT8

    def is_measured(self, capabilities: Capabilities) -> bool:
        """Whether texts are read first, in float32 too, to see what its rounding does to the order of documents."""
        return self.needs_ranges or (self.error_bounds is not None and capabilities.float32_at_hand)

    @property
    def error_bounds(self) -> "ErrorBounds | None":
        """How far its rounding may move scores; None where nothing is rounded."""
        match self:
            case Precision.FLOAT32:
                return None
            # In half precision an ordinary model has less than 0.01 on the encoder's CANDIDATES, and nobody expects to
            # lose as much as in 8 bits.
            case Precision.BFLOAT16 | Precision.FLOAT16:
                return ErrorBounds(bearable=0.02, relieved=0.02)
            # In 8 bits an ordinary model has 0.026 to 0.035, depending on the CPU, where Kendall's tau on real
            # candidates is 0.96, and secondpass/mini 0.10 to 0.12. With parts kept until 0.028 the latter still loses
            # 0.003 to 0.006 of nDCG@10 on TREC DL 2019, and 0.008 until 0.035; until 0.018 nothing.
            case Precision.INT8:
                return ErrorBounds(bearable=0.04, relieved=0.018)

    @property
    def identity(self) -> str:
        """What scores depend on in it: its name, with the version of its rules where it has any."""
        return f"{self} {_INT8_RULES}" if self.needs_ranges else str(self)

    def states_dtype(self, capabilities: Capabilities) -> torch.dtype:
        """The dtype of hidden states on a device."""
        return self.states_dtypes(capabilities)[0]

    def states_dtypes(self, capabilities: Capabilities) -> tuple[torch.dtype, ...]:
        """Those it may have, the fastest first; the others are for models that do not bear its rounding."""
        match self:
            case Precision.FLOAT32:
                return (torch.float32,)
            case Precision.BFLOAT16:
                return (torch.bfloat16,)
            case Precision.FLOAT16:
                return (torch.float16,)
            case Precision.INT8 if torch.bfloat16 in capabilities.slow_dtypes:
                return (torch.float32,)
            case Precision.INT8:
                return (torch.bfloat16, torch.float32)


def check_precision(precision: Precision, capabilities: Capabilities) -> None:
    """Refuse what a device cannot do; warn of what it does slowly.

    Raises:
        InputError: int8 on a device without 8-bit products.
    """
    if precision is Precision.INT8 and not capabilities.int8_products:
        default = str(capabilities.default_dtype).removeprefix("torch.")
        raise InputError(
            "dtype 'int8' needs an x86 CPU whose AVX2 instructions torch uses, which device "
            f"'{capabilities.device}' is not: use '{default}'"
        )
    if precision.states_dtype(capabilities) in capabilities.slow_dtypes:
        warn_caller(
            f"dtype '{precision}' is slow on this CPU, which has no instructions for it: use 'float32'",
            UserWarning,
        )


def make_arithmetic(
    precision: Precision,
    states_dtype: torch.dtype,
    capabilities: Capabilities,
    ranges: Mapping[str, Range],
    *,
    n_layers: int,
) -> Arithmetic:
    """What makes an encoder's products in this precision on this device.

    Args:
        precision: The number format.
        states_dtype: One of its `states_dtypes`.
        capabilities: Of the device.
        ranges: The inputs' ranges, by the product's name; empty unless the precision needs them.
        n_layers: Layers of the encoder.
    """
    floating = FloatArithmetic(states_dtype, capabilities)
    if precision is Precision.INT8:
        return Int8Arithmetic(worthwhile_ranges(ranges, capabilities, n_layers=n_layers), floating)
    return floating
