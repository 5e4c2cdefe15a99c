"""The image's files, as far as they can be checked without a daemon that builds them."""

import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from typing import Any

import pytest
import yaml
from shared import ROOT
from typer.main import get_command

from secondpass.cli.app import app
from secondpass.service import Limits

pytestmark = pytest.mark.source
DOCKERFILE = ROOT / "Dockerfile"


def instructions() -> Iterator[tuple[str, str]]:
    """Each instruction of the Dockerfile with what stands behind it."""
    lines = [line for line in DOCKERFILE.read_text(encoding="utf-8").split("\n") if not line.startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").split("\n"):
        if line.strip():
            name, _, rest = line.strip().partition(" ")
            yield name, rest.strip()


def value(name: str) -> str:
    """What stands behind the last instruction of this name."""
    return [rest for instruction, rest in instructions() if instruction == name][-1]


def compose() -> Any:
    service = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]["secondpass"]
    assert isinstance(service, dict)
    return service


def ignored(path: str) -> bool:
    """Whether .dockerignore keeps a path at the top of the tree out of the image: its last rule that matches."""
    found = False
    for rule in (ROOT / ".dockerignore").read_text(encoding="utf-8").split():
        if fnmatch(path, rule.removeprefix("!").removeprefix("**/")):
            found = not rule.startswith("!")
    return found


def test_what_is_copied_is_there_and_nothing_else_is_sent() -> None:
    copied = [rest.split()[:-1] for name, rest in instructions() if name == "COPY" and "--from=" not in rest]
    sources = {source for group in copied for source in group}
    assert sources >= {"pyproject.toml", "constraints.txt", "core", "integrations"}
    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert {path.name for path in ROOT.iterdir() if not ignored(path.name)} == sources
    assert ignored("__pycache__")


def test_what_the_build_needs_is_copied() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    copied = " ".join(rest for name, rest in instructions() if name == "COPY").split()
    assert set(copied) >= {project["readme"], *project["license-files"]}
    (install,) = [rest for name, rest in instructions() if name == "RUN" and "pip install" in rest]
    assert install.endswith('".[serve]"')


@pytest.mark.parametrize("file", ["Dockerfile", "compose.yaml"])
def test_the_command_line_is_one_of_ours_and_serves_the_model_in_the_box(file: str) -> None:
    command: list[str] = json.loads(value("CMD")) if file == "Dockerfile" else compose()["command"]
    entry: list[str] = json.loads(value("ENTRYPOINT"))
    program, name, *arguments = entry + command
    assert (program, name) == ("secondpass", "serve")
    serve = get_command(app).get_command(None, "serve")  # type: ignore[attr-defined] # a group
    parsed = serve.make_context(name, arguments).params
    assert (parsed["model"], parsed["host"], parsed["port"]) == (["secondpass/mini"], "0.0.0.0", 8080)  # noqa: S104


def test_the_health_check_asks_the_port_that_is_served() -> None:
    program = json.loads(value("HEALTHCHECK").partition("CMD ")[2])
    assert "http://127.0.0.1:8080/ready" in program[-1]
    assert compose()["ports"] == ["127.0.0.1:8080:8080"]
    # Nothing listens at port 9, which is nobody's to give: a service that does not answer is not healthy.
    silent = [sys.executable, "-c", program[-1].replace(":8080", ":9")]
    assert subprocess.run(silent, capture_output=True, check=False).returncode == 1  # noqa: S603 - our own program


def test_it_runs_with_as_little_as_it_needs() -> None:
    assert value("USER") == "10001"
    service = compose()
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["tmpfs"] == ["/tmp"]  # noqa: S108 - the container's own
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert float(service["stop_grace_period"].removesuffix("s")) > Limits().drain_seconds


def test_an_empty_list_of_keys_is_none() -> None:
    serve = get_command(app).get_command(None, "serve")  # type: ignore[attr-defined] # a group
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECONDPASS_API_KEYS", "")  # compose sets it so where nobody has
        assert not serve.make_context("serve", []).params["api_key"]


@pytest.mark.skipif(shutil.which("hadolint") is None, reason="needs hadolint, which is not had for every machine")
def test_a_linter_finds_nothing() -> None:
    done = subprocess.run(["hadolint", str(DOCKERFILE)], capture_output=True, text=True, check=False)  # noqa: S603, S607
    assert (done.stdout, done.returncode) == ("", 0)
