"""Small Ray clusters of this machine, for the tests of one session."""

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

# How long Ray waits for its own processes before it gives up: on a machine that is busy with other tests, they take
# longer to start and to answer than it expects.
PATIENCE = {
    "RAY_raylet_start_wait_time_s": "300",
    "RAY_worker_register_timeout_seconds": "300",
    "RAY_health_check_failure_threshold": "60",
    "RAY_CLIENT_SERVER_CHECK_CHANNEL_TIMEOUT_S": "300",
}
_ENVIRONMENT = {
    **PATIENCE,
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "disabled",
    # Workers import what this process does, wherever that is.
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
}
# Ray's server for clients forks the process that serves each of them, and gRPC's handlers of forks end one in seven of
# these as they begin (ray-project/ray#63202). Nothing needs the handlers: another program is started at once.
_FOR_CLIENTS = {"GRPC_ENABLE_FORK_SUPPORT": "0"}


@contextmanager
def ray_cluster() -> Iterator[Any]:
    """Ray, connected to three processors that there need not be: how many workers there are is what counts."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in _ENVIRONMENT.items():
            patch.setenv(name, value)  # some are read when Ray is imported
        ray = pytest.importorskip("ray", reason="needs the extra ray")
        ray.init(
            address="local",
            num_cpus=3,
            num_gpus=0,
            include_dashboard=False,
            log_to_driver=False,
            object_store_memory=100_000_000,
            runtime_env={"env_vars": {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}},
        )
        try:
            yield ray
        finally:
            ray.shutdown()


@dataclass(frozen=True)
class ClientServer:
    """A cluster that `ray start` made, to which this process is not connected."""

    address: str
    head: "subprocess.Popen[bytes]"
    folder: Path

    def kill(self) -> None:
        """Kill all of its own processes at once; its workers end when they notice."""
        if self.head.poll() is None:
            os.killpg(self.head.pid, signal.SIGKILL)
            self.head.wait()

    def logs(self) -> str:
        """What its servers for clients have written."""
        files = sorted(self.folder.glob("session_2*/logs/ray_client_server*"))
        return "\n".join(f"{file.name}:\n{file.read_text(errors='replace')}" for file in files)


@contextmanager
def ray_client_server() -> Iterator[ClientServer]:
    """A cluster whose address is `ray://…`."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip("needs the extra ray")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (
        pytest.MonkeyPatch.context() as patch,
        TemporaryDirectory(prefix="ray", dir="/tmp", ignore_cleanup_errors=True) as folder,
    ):
        for name, value in {**_ENVIRONMENT, **_FOR_CLIENTS}.items():
            patch.setenv(name, value)
        command = [str(Path(sys.executable).with_name("ray")), "start", "--head", "--block", "--port=0"]
        command += [f"--temp-dir={folder}", f"--ray-client-server-port={port}", "--include-dashboard=false"]
        command += ["--num-cpus=3", "--num-gpus=0", "--object-store-memory=100000000"]
        with subprocess.Popen(  # noqa: S603 - Ray's own
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
        ) as head:
            cluster = ClientServer(f"ray://127.0.0.1:{port}", head, Path(folder))
            try:
                _wait_for(port, head)
                yield cluster
            finally:
                cluster.kill()


def descendants(root: int) -> list[int]:
    """The processes that a process has started, and those that these have."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with suppress(OSError):
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(folder.name))
    found, todo = [], [root]
    while todo:
        started = children.get(todo.pop(), [])
        found += started
        todo += started
    return found


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + 120
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert process.poll() is None, (process.stdout.read() if process.stdout else b"").decode()
            assert time.monotonic() < end, "the cluster has not come up"
            time.sleep(0.2)
        else:
            return
