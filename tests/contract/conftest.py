"""Each adapter in turn."""

import pytest
from drivers import Driver, Haystack, LangChain, LlamaIndex


@pytest.fixture(params=[LangChain, LlamaIndex, Haystack], ids=lambda driver: driver.__name__)
def driver(request: pytest.FixtureRequest) -> Driver:
    """Each adapter in turn."""
    adapter: Driver = request.param()
    return adapter
