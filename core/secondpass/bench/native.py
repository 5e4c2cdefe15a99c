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
    from secondpass.encoder import Precision
    from secondpass.execution.devices import capabilities_of, devices_for

    capabilities = capabilities_of(devices_for(device)[0])
    if Precision(dtype).states_dtype(capabilities) in capabilities.slow_dtypes:
        raise InputError(f"dtype '{dtype}' is slow on this CPU, which has no instructions for it: use 'float32'")
