"""What an evaluation shows: progress while it runs, tables or JSON when it is done."""

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


@contextmanager
def progress_bar(name: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on standard error, so that what is piped stays clean."""
    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(escape(name), total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def show(rows: Sequence[object], tables: Sequence[Table], *, output: Path | None, as_json: bool) -> None:
    """Tables on a terminal, JSON in a pipe or where it is asked for; and JSON in `output/report.json`."""
    content = json.dumps(rows, indent=2)
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        (output / "report.json").write_text(content + "\n", encoding="utf-8")
    if as_json or not sys.stdout.isatty():
        typer.echo(content)
        return
    for table in tables:
        Console().print(table)
