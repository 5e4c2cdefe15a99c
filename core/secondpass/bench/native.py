"""Which arithmetic a machine has instructions for: no contender is measured in one that it only emulates."""

from secondpass.errors import InputError
from secondpass.options import DType


def check_native(dtype: DType, device: str | None) -> None:
    """Refuse half precision on a CPU that only emulates it.

    Args:
        dtype: The arithmetic of a contender.
        device: Where it runs; None takes the best device there is.

    Raises:
        InputError: The CPU has no instructions for it.
    """
    from secondpass.encoder.arithmetic.precision import _has_float16, native_bfloat16
    from secondpass.execution.devices import devices_for

    is_native = {"bfloat16": native_bfloat16, "float16": _has_float16}.get(dtype)
    if is_native is not None and devices_for(device)[0].type == "cpu" and not is_native():
        raise InputError(f"dtype '{dtype}' is slow on this CPU, which has no instructions for it: use 'float32'")
