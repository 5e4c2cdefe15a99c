"""Where real data lies, for the tests that use it; they skip where it is missing."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"


def shared(path: str) -> Path:
    """A file or folder of the shared data; skips the test if it is not there."""
    found = SHARED / path
    if not found.exists():
        pytest.skip(f"needs shared/{path} beside the checkout, which the repository does not hold")
    return found
