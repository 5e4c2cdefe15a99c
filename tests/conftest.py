"""Fixtures that many tests share."""

import pytest
from folders import FolderOf


@pytest.fixture(scope="session")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> FolderOf:
    """The folder of a small checkpoint by the name of its layout; each is made once a session."""
    return FolderOf(tmp_path_factory.mktemp("checkpoints"))
