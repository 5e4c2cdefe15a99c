"""The tests that `.ci/pythons` runs where there is no torch can be collected there."""

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parent
FOLDERS = ("adapters", "contract", "haystack_integrations", "langchain_secondpass", "llama_index_secondpass")


def test_adapters_tests_are_collected_without_torch() -> None:
    options = ["-o", "addopts=--import-mode=importlib", "-p", "without_torch", f"--confcutdir={TESTS / 'contract'}"]
    folders = [str(TESTS / name) for name in FOLDERS]
    path = os.pathsep.join([str(TESTS / "support"), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-m", "pytest", "--collect-only", "-q", *options, *folders],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
