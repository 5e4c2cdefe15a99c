"""Fixtures that many tests share."""

import pytest
from folders import FolderOf
from hypothesis import settings

# The gate judges a change, not its luck: the same examples in every run, however long one takes on a busy machine.
# `--hypothesis-profile=exploring` draws new ones, to look for more.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("exploring", deadline=None)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> FolderOf:
    """The folder of a small checkpoint by the name of its layout; each is made once a session."""
    return FolderOf(tmp_path_factory.mktemp("checkpoints"))
