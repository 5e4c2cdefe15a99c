"""Fixtures that many tests share: small checkpoints, made once a session."""

from pathlib import Path

import checkpoints
import pytest


@pytest.fixture(scope="session")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> "FolderOf":
    """The folder of a small checkpoint by its family's name; each is made once."""
    return FolderOf(tmp_path_factory.mktemp("checkpoints"))


class FolderOf:
    """Makes checkpoints when they are first asked for."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def __call__(self, family: str) -> Path:
        folder = self._root / family
        if folder.exists():
            return next(folder.glob("Capreolus/*"), folder)
        built: Path = getattr(checkpoints, family)(folder)
        return built
