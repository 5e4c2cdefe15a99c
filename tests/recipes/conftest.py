"""What the recipe's tests share."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

MINI = Path(__file__).parents[2] / "recipes" / "mini"


@pytest.fixture(autouse=True)
def scripts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The scripts can be imported by their bare names, here and nowhere else."""
    monkeypatch.syspath_prepend(MINI)
    yield
    for path in MINI.glob("*.py"):
        sys.modules.pop(path.stem, None)
