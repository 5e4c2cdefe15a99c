"""Our own service, for the tests that ask it."""

from collections.abc import Iterator

import pytest
from fake_service import running
from judgements import steps
from serving import app_of, close_all

from secondpass.options import ModelOptions
from secondpass.service import ServedModel, load_model
from secondpass.testing import OverlapScorer


@pytest.fixture(scope="session")
def served() -> Iterator[str]:
    """The address of a service with the bundled model, and the same one in windows of 64 tokens, and all alike."""
    mini = load_model("secondpass/mini")
    windows = load_model("secondpass/mini", ModelOptions(max_length=64, long_documents="windows"))
    others = [
        ServedModel(name="windows", scorer=windows.scorer),
        ServedModel(name="plain", scorer=OverlapScorer()),
        ServedModel(name="level", scorer=mini.scorer, score_map=steps(logit=100)),
    ]
    with running(app_of(mini, *others)) as url:
        yield url
    close_all()
