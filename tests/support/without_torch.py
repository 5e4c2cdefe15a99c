"""A pytest plugin for environments without torch: what needs it is skipped, and everything else runs.

Adapters load torch with the first document and not before, so a module that cannot be imported here is a failure.
"""

from collections.abc import Generator

import pytest

_HEAVY = {"torch", "transformers", "sentence_transformers", "tokenizers", "safetensors", "huggingface_hub", "tqdm"}


@pytest.fixture
def model() -> str:
    """A trained cross-encoder, which nothing here can load."""
    pytest.skip("needs torch")


@pytest.fixture
def folder_of() -> None:
    """Small checkpoints, which nothing here can make."""
    pytest.skip("needs torch")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, None, None]:
    """Skip a test that gets as far as loading a model."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _HEAVY:
            raise
        pytest.skip(f"needs {error.name}")
