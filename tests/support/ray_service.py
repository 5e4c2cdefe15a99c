"""The service on Ray Serve, as `serve run FILE` starts it: a local cluster in a process of its own, on loopback."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from ray_cluster import PATIENCE, descendants

# `serve run`, on a cluster that is small, has no dashboard, and leaves others on this machine alone. At SIGUSR1 the
# first application is deleted.
_RUN = """
import signal, sys
import ray
from ray import serve
from ray.serve.scripts import cli

file, name = sys.argv[1:]
ray.init("local", num_cpus=2, include_dashboard=False, namespace="serve", object_store_memory=100_000_000)
signal.signal(signal.SIGUSR1, lambda *_: serve.delete(name))
cli(["run", file])
"""
ENVIRONMENT = {
    **PATIENCE,
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "disabled",
    "OMP_NUM_THREADS": "1",
    # A machine that is busy with other tests starts a proxy in more than the five seconds after which Ray kills it.
    "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "120",
    "RAY_SERVE_PROXY_HEALTH_CHECK_TIMEOUT_S": "60",
}
PROXY_CALLBACK = {"RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": "secondpass.service.on_ray:proxy_middlewares"}


@dataclass
class RayService:
    process: "subprocess.Popen[str]"
    url: str
    said: list[str]

    def replicas(self, application: str) -> list[int]:
        """The processes of an application's replicas."""
        titles = {pid: _title(pid) for pid in descendants(self.process.pid)}
        return [pid for pid, title in titles.items() if f"ServeReplica:{application}:" in title]

    def delete_first(self) -> None:
        """Take the first application down."""
        self.process.send_signal(signal.SIGUSR1)

    def wait_until(self, condition: Any, seconds: float = 90) -> None:
        """Wait until something is so that nothing tells of."""
        end = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, "".join(self.said[-50:])
            assert time.monotonic() < end, "".join(self.said[-50:])
            time.sleep(0.1)

    def is_ready(self, prefix: str = "") -> bool:
        with suppress(httpx.TransportError):
            answered = httpx.get(f"{self.url}{prefix}/ready")
            return answered.status_code == 200 and answered.json() == {"status": "ready"}
        return False


@contextmanager
def deployed(
    config: Mapping[str, Any], folder: Path, *, python: str = sys.executable, **environment: str
) -> Iterator[RayService]:
    """The applications of a Serve config file from when all of them answer, at a free port.

    Args:
        config: The file's content; host and port are chosen here.
        folder: Where the file is put.
        python: An interpreter that has secondpass[ray].
        environment: Variables of the whole cluster.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    file = folder / "serve.yaml"
    options = {"http_options": {"host": "127.0.0.1", "port": port}, "proxy_location": "HeadOnly"}
    file.write_text(json.dumps({**config, **options}), encoding="utf-8")
    applications = config["applications"]
    with subprocess.Popen(  # noqa: S603 - our own command
        [python, "-W", "ignore", "-c", _RUN, str(file), applications[0]["name"]],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **ENVIRONMENT, **environment},
    ) as process:
        service = RayService(process, f"http://127.0.0.1:{port}", [])
        reader = threading.Thread(target=lambda: service.said.extend(process.stdout or ()))
        reader.start()
        started: list[int] = []
        try:
            for application in applications:
                prefix = application["route_prefix"].rstrip("/")
                service.wait_until(lambda prefix=prefix: service.is_ready(prefix), seconds=180)
            yield service
        finally:
            started = descendants(process.pid)
            process.terminate()  # which ends the cluster with it
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
            for pid in (process.pid, *started):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            reader.join()


def _title(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
