"""A pytest plugin that runs tests as if torch were not installed: what needs it is skipped, and everything else runs.

Adapters load torch with the first document and not before, so a module that cannot be imported here is a failure, but
for the few that import scorers for their expectations.
"""

import sys
from collections.abc import Generator
from pathlib import Path

import pytest

_TESTS = Path(__file__).parents[1]
_HEAVY = {"torch", "transformers", "sentence_transformers", "tokenizers", "safetensors", "huggingface_hub"}
# These import torch, or a scorer that does, before their first test.
_LEFT_OUT = {
    "adapters/test_lazy.py",
    "adapters/test_passages.py",
    "adapters/test_sharing.py",
    "contract/test_calibration.py",
    "contract/test_load_options.py",
    "contract/test_passages.py",
    "langchain_secondpass/test_passages.py",
    "llama_index_secondpass/test_passages.py",
}

for _name in _HEAVY:
    sys.modules[_name] = None  # type: ignore[assignment]  # by which Python takes it for not installed


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out what cannot be imported here."""
    return True if collection_path in {_TESTS / name for name in _LEFT_OUT} else None


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
