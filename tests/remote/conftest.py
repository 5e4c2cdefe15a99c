"""Our own service, for the tests that ask it."""

from collections.abc import Iterator

import pytest
from fake_service import running
from serving import app_of, close_all

from secondpass.options import ModelOptions
from secondpass.service import ServedModel, load_model
from secondpass.testing import OverlapScorer


@pytest.fixture(scope="session")
def served() -> Iterator[str]:
    """The address of a service with the bundled model, and `windows`, the same one that reads windows of 64 tokens."""
    mini = load_model("secondpass/mini")
    windows = load_model("secondpass/mini", ModelOptions(max_length=64, long_documents="windows"))
    names = [ServedModel(name="windows", scorer=windows.scorer), ServedModel(name="plain", scorer=OverlapScorer())]
    with running(app_of(mini, *names)) as url:
        yield url
    close_all()
