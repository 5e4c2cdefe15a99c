"""Tensors on their way from the host to a device."""

from torch import Tensor

from secondpass.encoder.capabilities import Capabilities


def to_device(tensor: Tensor, capabilities: Capabilities) -> Tensor:
    """The tensor on the device; where copies can be pinned, the host does not wait for the device's earlier work."""
    if not capabilities.pinned_copies:
        return tensor.to(capabilities.device)
    return tensor.pin_memory().to(capabilities.device, non_blocking=True)
