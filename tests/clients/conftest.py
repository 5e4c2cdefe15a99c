"""A server that listens on loopback, and what the library itself makes of the same texts.

Neither is imported here: clients run in environments of their own, in which nothing of secondpass has to be installed.
"""

import importlib.util
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from ray_service import deployed
from rerank_clients import ALIASES, Ranked, Server

# The interpreter that has secondpass with its extra `serve`; the clients' own, where this is not set.
PYTHON = os.environ.get("SECONDPASS_SERVER_PYTHON", "")
# Whether it is Ray Serve that serves, with its extra `ray`.
ON_RAY = bool(os.environ.get("SECONDPASS_SERVER_ON_RAY"))
KEY = "a-key-of-this-test"

# Reads a query with its documents per line, and writes the library's ranking of them.
RANK = """
import json, sys
from secondpass import CrossEncoder
model = CrossEncoder("secondpass/mini", activation="sigmoid")
for line in sys.stdin:
    ranking = model.rank(*json.loads(line))
    print(json.dumps([(document.index, document.score) for document in ranking]), flush=True)
"""


class Library:
    """The rankings of the library itself."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def rank(self, query: str, documents: Sequence[str]) -> Ranked:
        """Indices and scores, best first."""
        asked, answered = self._process.stdin, self._process.stdout
        assert asked is not None
        assert answered is not None
        asked.write(json.dumps([query, documents]) + "\n")
        asked.flush()
        return [(index, score) for index, score in json.loads(answered.readline())]


@pytest.fixture(scope="session")
def python() -> str:
    if PYTHON:
        return PYTHON
    if not all(map(importlib.util.find_spec, ("secondpass", "fastapi", "torch"))):
        pytest.skip("needs secondpass[serve], here or where SECONDPASS_SERVER_PYTHON says")
    return sys.executable


@pytest.fixture(scope="session")
def library(python: str) -> Iterator[Library]:
    with subprocess.Popen(  # noqa: S603 - our own command
        [python, "-W", "ignore", "-c", RANK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Library(process)


@pytest.fixture(scope="session")
def server(python: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """What serves, under the names that clients ask for where they are told none."""
    with _on_ray(python, tmp_path_factory.mktemp("ray")) if ON_RAY else _serve(python) as url:
        yield Server(url, KEY)


@contextmanager
def _on_ray(python: str, folder: Path) -> Iterator[str]:
    """`serve run` with two replicas."""
    application = {
        "name": "rerank",
        "route_prefix": "/",
        "import_path": "secondpass.service.on_ray:app",
        "args": {
            "models": [{"name": "secondpass/mini", "aliases": list(ALIASES)}],
            "api_keys_env": "SECONDPASS_API_KEYS",
        },
        "deployments": [
            {
                "name": "secondpass",
                "ray_actor_options": {"num_cpus": 0.5},
                "autoscaling_config": {"min_replicas": 2, "max_replicas": 2},
            }
        ],
    }
    with deployed({"applications": [application]}, folder, python=python, SECONDPASS_API_KEYS=KEY) as service:
        yield service.url


@contextmanager
def _serve(python: str) -> Iterator[str]:
    """`secondpass serve`."""
    command = [python, "-m", "secondpass", "serve", "--port", "0"]
    command += [part for alias in ALIASES for part in ("--alias", alias)]
    environment = {**os.environ, "SECONDPASS_API_KEYS": KEY}
    with subprocess.Popen(  # noqa: S603 - our own command
        command, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        said: list[str] = []
        listens = threading.Event()

        def read() -> None:
            for line in process.stderr or ():
                said.append(line)
                if "serving at" in line:
                    listens.set()
            listens.set()

        reader = threading.Thread(target=read)
        reader.start()
        try:
            assert listens.wait(120), "the server did not come up"
            lines = [line for line in said if "serving at" in line]
            assert lines, "".join(said)
            yield lines[0].split()[-1]
        finally:
            process.kill()
            reader.join()


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients talk to the server and to nobody else."""
    monkeypatch.setenv("HAYSTACK_TELEMETRY_ENABLED", "False")
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
