"""Programs that a test runs in a process of their own."""

import os
import subprocess
import sys


def run_python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run code with what the tests can import, and wait for it."""
    environment = {**os.environ, "PYTHONWARNINGS": "ignore", "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        env=environment,
    )
