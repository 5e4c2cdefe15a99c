"""Fixtures that many tests share."""

import os
from collections.abc import Iterator

import pytest
from folders import FolderOf
from hypothesis import settings
from scheduling import Scheduling, longest_first

from secondpass.adapters.sharing import shared_cross_encoder
from secondpass.options import ModelOptions

# The gate judges a change, not its luck: the same examples in every run, however long one takes on a busy machine.
# `--hypothesis-profile=exploring` draws new ones, to look for more.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("exploring", deadline=None)
settings.load_profile("repeatable")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Workers side by side, and what they start, have one thread each: that is faster than threads that wait."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Scheduling:
    """Modules go to workers whole, the longest first."""
    return Scheduling(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The order that workers take tests in."""
    longest_first(items)


@pytest.fixture(scope="session")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> FolderOf:
    """The folder of a small checkpoint by the name of its layout; each is made once a session."""
    return FolderOf(tmp_path_factory.mktemp("checkpoints"))


@pytest.fixture(scope="session")
def model() -> Iterator[str]:
    """A trained cross-encoder with an identity activation: the bundled one, which every clone has."""
    name = "secondpass/mini"
    # Adapters share what is loaded; holding it here spares each test the loading. Haystack asks for the logits.
    loaded = [shared_cross_encoder(name, options) for options in (None, ModelOptions(activation="identity"))]
    yield name
    loaded.clear()
