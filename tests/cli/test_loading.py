"""What commands import to load a model: transformers takes a second, and most checkpoints need nothing of it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from folders import FolderOf

PROGRAM = """
import atexit, sys
atexit.register(lambda: print("transformers" in sys.modules, file=sys.stderr))
from secondpass.cli import main
main()
"""


def said(*arguments: str | Path) -> str:
    """What a command writes to standard error, and at last whether it imported transformers."""
    done = subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-c", PROGRAM, *map(str, arguments)], capture_output=True, text=True, check=True
    )
    return done.stderr


@pytest.mark.parametrize(("layout", "imported"), [("bert", "False\n"), ("mpnet", "True\n")])
def test_rank_imports_transformers_for_what_only_it_reads_and_shows_nothing_of_it(
    layout: str, imported: str, folder_of: FolderOf, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("the wall\nberlin\n")
    assert said("rank", "berlin", tmp_path / "a.txt", "-m", folder_of(layout)) == imported


def test_score_does_without_it(folder_of: FolderOf, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"query": "berlin", "document": "the wall"}) + "\n")
    shown = said("score", tmp_path / "a.jsonl", "-m", folder_of("bert"), "-o", tmp_path / "out")
    assert shown.endswith("False\n")
