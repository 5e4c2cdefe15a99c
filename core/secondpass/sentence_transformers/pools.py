"""Several devices at a time: what sentence-transformers does with processes, one process does here."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from secondpass.errors import InputError, InputTypeError
from secondpass.execution.devices import device_names, devices_for
from secondpass.sentence_transformers.engine import Engine


@dataclass
class Pool:
    """A model on several devices. There are no processes: each device has its batches from a thread of this one.

    Args:
        engine: The model on all of them; None once the pool is stopped.
    """

    engine: Engine | None

    def running(self) -> Engine:
        """The model; raise InputError if the pool is stopped."""
        if self.engine is None:
            raise InputError("pool must be a running one, got one that is stopped")
        return self.engine


def start_pool(engine: Engine, target_devices: Sequence[str | torch.device] | None) -> Pool:
    """A pool over these devices; None takes all GPUs that there are, or else the CPU.

    A device that is named several times is used once: one CPU already splits its cores between several passes.

    Raises:
        InputError: This machine lacks one of them.
    """
    if target_devices is None:
        count = torch.cuda.device_count()
        names: list[str] = [f"cuda:{i}" for i in range(count)] if count else ["cpu"]
    else:
        if isinstance(target_devices, str | torch.device):
            raise InputTypeError(f"target_devices must be a list of devices, got {target_devices!r}")
        device_names(target_devices)
        names = list(dict.fromkeys(map(str, devices_for(target_devices))))
    if tuple(map(torch.device, names)) == engine.devices:
        return Pool(engine)
    return Pool(engine.placed(device=tuple(names)))


def stop_pool(pool: Pool) -> None:
    """Let go of the pool's model."""
    check_pool(pool)
    pool.engine = None


def check_pool(pool: object) -> None:
    """Raise InputTypeError unless it is what `start_multi_process_pool` gave."""
    if not isinstance(pool, Pool):
        raise InputTypeError(f"pool must be what start_multi_process_pool gives, got a {type(pool).__name__}")
