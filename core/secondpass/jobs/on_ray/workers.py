"""Which processes of a Ray cluster score."""

import os
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from secondpass.arguments import check_count, check_text, describe, in_one_line, plain
from secondpass.errors import InputError, InputTypeError, ScoringError, SecondPassError
from secondpass.extras import require

if TYPE_CHECKING:
    from ray.data import ActorPoolStrategy

# How often rows whose worker died are given to another one: rows that kill every worker would go round for ever.
RETRIES: Final = 3

# Seconds in which something has to listen at an address; Ray itself tries for minutes.
_CONNECT_SECONDS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class RayWorkers:
    """Which processes of a Ray cluster score, each with a model of its own.

    Args:
        address: Of the cluster: "auto" for the one of this machine, or `ray://host:10001`; None takes what RAY_ADDRESS
            says, or the one that `ray start` started here, or starts one. Where the process is connected already, that
            is the cluster.
        least: How many are kept at least.
        most: How many there may be at most; None takes what the cluster has room for, with one CPU left free.
        cpus: CPUs per worker, which are also the threads that torch takes.
        gpus: GPUs per worker; None takes one where the cluster has any.

    Raises:
        InputError: A value breaks a rule.
    """

    address: str | None = None
    least: int = 1
    most: int | None = None
    cpus: int = 1
    gpus: float | None = None

    def __post_init__(self) -> None:
        check_text("address", self.address)
        check_count("least", self.least, optional=False)
        check_count("most", self.most)
        check_count("cpus", self.cpus, optional=False)
        for name in ("least", "most", "cpus"):
            object.__setattr__(self, name, plain(getattr(self, name)))
        if self.most is not None and self.most < self.least:
            raise InputError(f"most must be at least {self.least}, which is the least, got {self.most}")
        if self.gpus is not None and (isinstance(self.gpus, bool) or not isinstance(self.gpus, int | float)):
            raise InputTypeError(f"gpus must be a number or None, got {describe(self.gpus)}")
        if self.gpus is not None and not self.gpus >= 0:
            raise InputError(f"gpus must be at least 0, got {self.gpus}")

    def connect(self) -> None:
        """Connect this process to the cluster, unless it is connected.

        Raises:
            InputError: The cluster cannot be joined.
            MissingExtraError: Ray is not installed.
            ScoringError: None can be started.
        """
        require("ray.data", feature="scoring on Ray", extra="ray")
        import ray  # noqa: PLC0415 - an extra

        if not ray.is_initialized():
            address = os.environ.get("RAY_ADDRESS") if self.address is None else self.address
            try:
                _check_listening(address or "")
            except OSError as error:
                raise self._not_connected(address, f"Nothing listens there: {error}") from error
            try:
                ray.init(address=self.address, log_to_driver=False)
            except Exception as error:  # of many kinds: of the network, of versions, of addresses
                raise self._not_connected(address, f"Ray says: {in_one_line(error)}") from error

    def _not_connected(self, address: str | None, said: str) -> SecondPassError:
        """The error where there is no cluster, by who named it."""
        if not address:
            return ScoringError(f"no Ray cluster could be started on this machine. {said}")
        name = "RAY_ADDRESS" if self.address is None else "address"
        return InputError(f"{name} must be that of a Ray cluster that can be joined, got {address!r}. {said}")

    def gpus_each(self) -> float:
        """The GPUs of a worker."""
        import ray  # noqa: PLC0415 - as above

        return float(ray.cluster_resources().get("GPU", 0) > 0) if self.gpus is None else float(self.gpus)

    def pool(self, tasks_each: int | None = None) -> "ActorPoolStrategy":
        """The workers as Ray Data takes them.

        Args:
            tasks_each: How many tasks a worker may have, with those in its queue; None leaves that to Ray.
        """
        import ray  # noqa: PLC0415 - as above
        from ray.data import ActorPoolStrategy  # noqa: PLC0415 - as above

        most = self.most
        if most is None:
            there, gpus = ray.cluster_resources(), self.gpus_each()
            by_cpu = int((there.get("CPU", 0) - 1) // self.cpus)  # what reads needs a CPU, too
            most = min(by_cpu, int(there.get("GPU", 0) // gpus)) if gpus else by_cpu
        return ActorPoolStrategy(
            min_size=self.least, max_size=max(most, self.least), max_tasks_in_flight_per_actor=tasks_each
        )


@contextmanager
def named_options() -> Iterator[None]:
    """Give Ray Data options that its version 2.60 calls deprecated and has no other name for: later versions do."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`ray_remote_args` is deprecated")
        yield


def _check_listening(address: str) -> None:
    """Raise OSError where an address is a host and a port at which nothing listens; others are Ray's to read.

    Through `ray://` Ray itself says so in half a minute, and its server may fail to start a process for a client while
    it deals with another connection.
    """
    try:
        parts = urlsplit(f"//{address}")
        host, port = parts.hostname, parts.port
    except ValueError:
        return
    if host is not None and port is not None:
        socket.create_connection((host, port), timeout=_CONNECT_SECONDS).close()
