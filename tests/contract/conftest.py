"""Each adapter in turn, and a trained model for all of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from drivers import Driver, Haystack, LangChain, LlamaIndex
from shared import shared

from secondpass.adapters.sharing import shared_cross_encoder
from secondpass.options import ModelOptions


@pytest.fixture(params=[LangChain, LlamaIndex, Haystack], ids=lambda driver: driver.__name__)
def driver(request: pytest.FixtureRequest) -> Driver:
    """Each adapter in turn."""
    made: Driver = request.param()
    return made


@pytest.fixture(scope="session")
def model() -> Iterator[str]:
    """A trained cross-encoder with an identity activation."""
    folder = shared("models/ce-minilm6")
    # Adapters share what is loaded; holding it here spares each test the loading. Haystack asks for the logits.
    held = [shared_cross_encoder(str(folder), options) for options in (None, ModelOptions(activation="identity"))]
    yield str(folder)
    held.clear()


@pytest.fixture(scope="session")
def sections() -> Path:
    """Sections of real documentation."""
    return shared("data/docs-en/sections.jsonl.gz")
