"""What `secondpass train` says at its end."""

import os
from io import StringIO
from pathlib import Path

from rich.console import Console

from secondpass.cli.train import result_table
from secondpass.training import TrainingResult


def test_the_table_shows_before_and_after() -> None:
    name = os.fsdecode(b"caf\xe9 [a]")
    result = TrainingResult(Path("out"), 1, 1.0, {name: 0.75}, "best checkpoint", {name: 0.5})
    written = StringIO()
    Console(width=80, file=written).print(result_table(result))
    for text in ("1 step, 60 seconds; saved: best checkpoint", "caf\\udce9 [a]", "base", "0.5000", "trained", "0.7500"):
        assert text in " ".join(written.getvalue().split())
