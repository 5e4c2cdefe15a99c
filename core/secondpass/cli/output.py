"""What commands show: progress while they run, then tables and bars on a terminal, or JSON."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn
from rich.table import Table

# Characters of a full bar.
BAR_WIDTH = 12


def writes_json(asked: bool) -> bool:
    """Whether a command writes JSON: where it is asked to, and whenever its output is piped."""
    return asked or not sys.stdout.isatty()


@contextmanager
def progress_bar(name: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on standard error, so that what is piped stays clean."""
    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(escape(name), total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def show(rows: Sequence[object], tables: Sequence[Table], *, output: Path | None, as_json: bool) -> None:
    """Tables or JSON, as `writes_json` says; and JSON in `output/report.json`."""
    content = json.dumps(rows, indent=2)
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        (output / "report.json").write_text(content + "\n", encoding="utf-8")
    if writes_json(as_json):
        typer.echo(content)
        return
    for table in tables:
        Console().print(table)


def score_bar(score: float, lowest: float, highest: float, width: int = BAR_WIDTH) -> str:
    """A bar from empty (the lowest score) to full (the highest), in eighths of a character."""
    share = 1.0 if highest <= lowest else (score - lowest) / (highest - lowest)
    eighths = round(share * width * 8)
    return "█" * (eighths // 8) + ("" if eighths % 8 == 0 else "▏▎▍▌▋▊▉"[eighths % 8 - 1])
