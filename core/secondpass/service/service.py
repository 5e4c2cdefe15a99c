"""One running service: its models with their queues, its limits and counters, and whether it is about to stop."""

import asyncio
import time
from collections.abc import Mapping, Sequence

from secondpass.ranking.scorers import can_change
from secondpass.service.api_keys import ApiKeys
from secondpass.service.bodies import Bodies
from secondpass.service.held_bytes import HeldBytes
from secondpass.service.limits import Limits
from secondpass.service.metrics import Metrics
from secondpass.service.pass_queue import PassQueue
from secondpass.service.problems import Problem, stopping
from secondpass.service.served_model import ServedModel, ServedModels

# Tokens of a pass: on a CPU a few tenths of a second of a small model, on an accelerator enough to fill it.
_CPU_PASS_TOKENS, _ACCELERATOR_PASS_TOKENS = 8_192, 131_072
# Passes of a model on the CPUs of this process that run at a time, and share that number of tokens: while one begins or
# ends, which takes one core at most, the other has work for all of them.
_CPU_PASSES = 2


class Service:
    """What requests share.

    Args:
        models: The models; the first answers requests that name none.
        api_keys: The keys that open it; none leaves it open to all.
        limits: What it takes on.
    """

    def __init__(self, models: Sequence[ServedModel], api_keys: ApiKeys, limits: Limits) -> None:
        self.models = ServedModels(models)
        self.api_keys = api_keys
        self.limits = limits
        self.bodies = Bodies(limits)
        self.held_bytes = HeldBytes(limits.max_held_bytes)
        self.metrics = Metrics()
        self.is_draining = False
        self._is_closed = False
        self.n_open = 0
        self._fingerprints: dict[str, Mapping[str, str | None]] = {}
        self._queues = {
            model.name: PassQueue(
                model.scorer,
                pass_tokens=pass_tokens(model, limits),
                n_passes=_n_passes(model),
                max_tokens=limits.max_queued_tokens,
                watcher=self.metrics.of_queue(model.name),
            )
            for model in self.models
        }

    def queue(self, model: ServedModel) -> PassQueue:
        """The queue in front of a model."""
        return self._queues[model.name]

    @property
    def queue_sizes(self) -> Mapping[str, int]:
        """Requests that are not answered yet, by model."""
        return {name: queue.n_requests for name, queue in self._queues.items()}

    async def fingerprints(self, model: ServedModel) -> Mapping[str, str | None]:
        """What a model's scores depend on, found out once: that takes as long as reading its files.

        A model that runs elsewhere is asked each time: whoever keeps its scores has to learn that there is another one.
        So is one that did not say: it may have been out of reach.
        """
        known = self._fingerprints.get(model.name)
        if known is None:
            known = await asyncio.to_thread(model.fingerprints)
            if known["raw"] is not None and not can_change(model.scorer):
                self._fingerprints[model.name] = known
        return known

    def check_open(self) -> None:
        """Raise Problem unless another request may come in."""
        if self.is_draining:
            raise stopping("this server is about to stop")
        for queue in self._queues.values():
            try:
                queue.check_room()
            except Problem as problem:
                full = problem
            else:
                return
        raise full

    def drain(self) -> None:
        """Take nothing more; what was taken is finished."""
        self.is_draining = True

    def close(self, timeout: float = 0.0) -> bool:
        """Stop: what has not arrived fails, and what is not scored within this time (in seconds).

        Called by the thread that runs the app, or once none does.

        Returns:
            Whether all queues have ended.
        """
        self.drain()
        self._is_closed = True
        self.bodies.close()
        end = time.monotonic() + timeout
        for queue in self._queues.values():
            queue.close()
        ended = [queue.wait(max(0.0, end - time.monotonic())) for queue in self._queues.values()]
        return all(ended)

    def reopen(self) -> None:
        """Take requests again where the service was closed; one that is only about to stop stays so."""
        if not self._is_closed:
            return
        self._is_closed = self.is_draining = False
        self.bodies.reopen()
        for queue in self._queues.values():
            queue.reopen()


def pass_tokens(model: ServedModel, limits: Limits) -> int:
    """Tokens of a model's pass."""
    if limits.pass_tokens is not None:
        return limits.pass_tokens
    return _ACCELERATOR_PASS_TOKENS if model.is_accelerated else _CPU_PASS_TOKENS // _n_passes(model)


def _n_passes(model: ServedModel) -> int:
    """How many passes of a model run at a time."""
    return _CPU_PASSES if model.is_on_cpus else 1
