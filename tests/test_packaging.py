"""The wheel holds the four import packages and nothing else; importing them does nothing."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from shared import ROOT

PACKAGES = (
    "secondpass/",
    "langchain_secondpass/",
    "llama_index_secondpass/",
    "haystack_integrations/components/rankers/secondpass/",
)


@pytest.mark.source
def test_the_wheel_holds_the_four_packages_and_nothing_else(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)  # noqa: S603 - our own command
    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()
    strangers = [name for name in names if not name.startswith(PACKAGES) and ".dist-info/" not in name]
    assert strangers == []
    for package in PACKAGES:
        assert f"{package}py.typed" in names
        assert f"{package}__init__.py" in names
    assert "secondpass/checkpoint/known.toml" in names
    for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "MODEL_CARD.md"):
        assert f"secondpass/models/mini/{name}" in names
    assert "secondpass/service/page.html" in names
    for name in ("passages.jsonl.gz", "questions.jsonl", "all_questions.jsonl", "bi_encoder.jsonl.gz", "LICENSE.md"):
        assert f"secondpass/demo/{name}" in names


IMPORT = """
import logging, os, sys
before = dict(os.environ), logging.root.level, list(logging.root.handlers)
import secondpass, secondpass.ranking, secondpass.errors, secondpass.testing
assert "torch" not in sys.modules and "transformers" not in sys.modules
from secondpass import BiEncoder, CrossEncoder
import torch
assert before == (dict(os.environ), logging.root.level, list(logging.root.handlers)), "import changed its surroundings"
assert torch.get_default_dtype() is torch.float32 and torch.is_grad_enabled()
strangers = {"langchain_core", "llama_index", "haystack", "sentence_transformers", "typer", "rich"}
found = sorted(strangers & set(sys.modules))
assert not found, found
"""


def test_importing_loads_no_framework_and_changes_nothing() -> None:
    subprocess.run([sys.executable, "-c", IMPORT], check=True)  # noqa: S603 - our own program


def test_the_command_says_what_to_install_without_its_extra() -> None:
    program = "import sys; sys.modules['typer'] = None; from secondpass.cli import main; main()"
    command = [sys.executable, "-c", program, "rank", "a query"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own program
    assert done.returncode == 2
    assert done.stderr.strip() == (
        "error: the secondpass command needs an optional dependency: "
        'pip install "secondpass[cli]", or in a checkout pip install ".[cli]"'
    )
