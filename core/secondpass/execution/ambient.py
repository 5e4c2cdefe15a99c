"""What a caller's thread has set of torch's state, kept away from a model: autocast and the default device.

A model here has its precision and its device from the caller's options, so neither may come from where it is called.
The default dtype belongs to the whole process and cannot be set aside for a moment: code here names every dtype.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch


@contextmanager
def plain_torch(device: torch.device | None = None) -> Iterator[None]:
    """Run as in a thread where nothing was set.

    Args:
        device: Where a model computes; None for the CPU alone.
    """
    kinds = {"cpu"} if device is None else {"cpu", device.type}
    with ExitStack() as stack:
        for kind in kinds:
            if torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        # Such a context makes every call of torch slower, so it is only entered over another one.
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        yield
