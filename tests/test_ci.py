"""The scripts of `.ci` fail where what they are for was not done."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from shared import ROOT

# A Python whose environments are made, whose installations fail, and whose tests would pass.
PYTHON = """#!/bin/sh
echo "$@" >&2
case "$*" in
  "-m venv"*) for home; do :; done; mkdir -p "$home/bin"; cp "$0" "$home/bin/python" ;;
  "-m pip install"*) exit 1 ;;
esac
"""
TESTS = """
import pytest

def test_of_a_library_that_is_not_there():
    pytest.importorskip("there_is_no_such_library")

@pytest.mark.skipif(True, reason="never")
def test_that_never_runs():
    pass

@pytest.mark.xfail(strict=True)
def test_that_is_known_to_fail():
    assert False

def test_that_runs():
    pass
"""


@pytest.mark.source
@pytest.mark.parametrize("script", ["clients", "frameworks", "pythons", "spark", "wrappers"])
def test_an_installation_that_fails_is_a_failure(script: str, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin/python3.11"
    python.write_text(PYTHON)
    python.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHON": str(python),
        "PYTHONS": "3.11",
        "SECONDPASS_SERVER_PYTHON": str(python),
    }
    folder = tmp_path / "environments"
    done = subprocess.run(  # noqa: S603 - ours
        [str(ROOT / ".ci" / script), str(folder)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert "-m pip install" in done.stderr
    assert "-m pytest" not in done.stderr
    assert not list(folder.rglob("done"))


def test_where_every_test_has_to_run_one_that_is_skipped_has_failed(tmp_path: Path) -> None:
    (tmp_path / "test_some.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-p", "no_skips", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    support = str(Path(__file__).parent / "support")
    done = subprocess.run(  # noqa: S603 - ours
        [*command, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": support},
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 1, done.stdout
    assert "1 failed, 1 passed, 1 xfailed, 1 error" in done.stdout
    assert "could not import 'there_is_no_such_library'" in done.stdout
