"""The contracts of pyproject.toml hold for the sources, and each of them refuses the import that it is there for."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from shared import ROOT

pytestmark = pytest.mark.source

LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"
HAYSTACK = "haystack_integrations/components/rankers/secondpass"

# What is wrong -> the contract that refuses it, the file, and the lines that file then ends with.
VIOLATIONS = {
    "an arrow upward": ("layers", "core/secondpass/errors/__init__.py", "import secondpass.ranking"),
    "an arrow upward inside a function": (
        "layers",
        "core/secondpass/options.py",
        "def f(): import secondpass.execution",
    ),
    "an arrow upward for annotations only": (
        "layers",
        "core/secondpass/execution/batches.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import secondpass.cross_encoder",
    ),
    "an arrow upward through the package itself": (
        "layers",
        "core/secondpass/ranking/request_checks.py",
        "def f(): from secondpass import CrossEncoder",
    ),
    "an arrow to a neighbour": ("layers", "core/secondpass/cross_encoder.py", "import secondpass.bi_encoder"),
    "a module on no floor": ("layers", "core/secondpass/novelty.py", ""),
    "an arrow upward in the encoder": (
        "encoder",
        "core/secondpass/encoder/arithmetic/linear.py",
        "import secondpass.encoder.spec",
    ),
    "a module on no floor of the encoder": ("encoder", "core/secondpass/encoder/novelty.py", ""),
    "a circle within a package": (
        "circles",
        "core/secondpass/ranking/request_checks.py",
        "import secondpass.ranking.order",
    ),
    "a framework in the core": (
        "frameworks",
        "core/secondpass/cli/demo/command.py",
        "def f(): from llama_index.core.schema import TextNode",
    ),
    "an adapter in the core": ("frameworks", "core/secondpass/testing.py", "import langchain_secondpass.rerank"),
    "an adapter in an adapter": (
        "adapters",
        f"integrations/{HAYSTACK}/documents.py",
        "import llama_index_secondpass.texts",
    ),
    "an adapter that reaches round its kit": (
        "kit",
        "integrations/langchain_secondpass/rerank.py",
        "import secondpass.tokenization.truncation",
    ),
}


def lint(root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run `lint-imports` on the sources under `root`, whatever is installed."""
    paths = os.pathsep.join(str(root / folder) for folder in ("core", "integrations"))
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-c", LINT, "--no-cache", "--no-logo", *options, str(ROOT / "pyproject.toml")],
        env=os.environ | {"PYTHONPATH": paths},
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A copy of the sources, to be spoilt."""
    for folder in ("core", "integrations"):
        for file in (ROOT / folder).rglob("*.py"):
            target = tmp_path / file.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
    return tmp_path


def test_the_sources_keep_every_contract() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ", 0 broken." in done.stdout


@pytest.mark.parametrize(("contract", "file", "lines"), VIOLATIONS.values(), ids=VIOLATIONS)
def test_a_contract_refuses(contract: str, file: str, lines: str, sources: Path) -> None:
    # A file that has moved would be spoilt where nothing lies: what has no lines is a module too many, and only that.
    assert (sources / file).is_file() == (lines != "")
    before = lint(sources, "--contract", contract)
    assert before.returncode == 0, before.stdout + before.stderr
    with (sources / file).open("a", encoding="utf-8") as text:
        text.write(f"\n{lines}\n")
    after = lint(sources, "--contract", contract)
    assert after.returncode == 1
    assert "Contracts: 0 kept, 1 broken." in after.stdout, after.stdout + after.stderr
