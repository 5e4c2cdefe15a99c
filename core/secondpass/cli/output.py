"""What commands write: progress while they run, then tables for a terminal, JSON for a pipe, or Markdown."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import typer
from rich.console import Console, ConsoleRenderable
from rich.markup import escape
from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

from secondpass.cli.streams import naming
from secondpass.errors import InputError
from secondpass.files.output_folder import check_output_folder
from secondpass.files.whole_files import write_text

# Characters of a full bar.
BAR_WIDTH = 12


class OutputFormat(StrEnum):
    """What results are written as; without one, a table on a terminal and JSON in a pipe."""

    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"


def output_format(asked: OutputFormat | None, as_json: bool) -> OutputFormat:
    """What a command writes.

    Args:
        asked: `--format`.
        as_json: `--json`, which is `--format json`.

    Raises:
        InputError: The two contradict each other.
    """
    if as_json and asked not in (None, OutputFormat.JSON):
        raise InputError(f"--json must not come with --format {asked}: it means --format json")
    if asked is not None:
        return asked
    return OutputFormat.TABLE if sys.stdout.isatty() and not as_json else OutputFormat.JSON


class Part(ConsoleRenderable, Protocol):
    """What people read of results: a sheet, or something else that a terminal and Markdown can show."""

    def markdown(self) -> str:
        """It in Markdown."""
        ...


def write(format_: OutputFormat, content: object, parts: Sequence[Part]) -> None:
    """Results in a format: `content` as JSON, or else the parts."""
    if format_ is OutputFormat.JSON:
        # UTF-8 everywhere; a name of a file that is not text is written as JSON escapes it.
        typer.echo((json_text(content) + "\n").encode(errors="backslashreplace"), nl=False)
    elif format_ is OutputFormat.MARKDOWN:
        typer.echo("\n\n".join(part.markdown() for part in parts))
    else:
        console = Console()
        for number, part in enumerate(parts):
            if number:
                console.print()
            console.print(part)


def json_text(content: object) -> str:
    """JSON as people read it, in the characters that it speaks of."""
    return json.dumps(content, indent=2, ensure_ascii=False)


def write_json_file(path: Path, content: object) -> None:
    """Write JSON to a file, in a folder that is made where it is missing."""
    write_text_file(path, json_text(content) + "\n")


def write_text_file(path: Path, content: str) -> None:
    """Write text to a file, in a folder that is made where it is missing."""
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, content)


def check_output_file(file: Path | None) -> None:
    """Raise InputError unless `file` can be written, there already or not: asked before any work."""
    if file is None:
        return
    if file.is_dir():
        raise InputError(f"--output must be a file, got a folder: {file}")
    check_output_folder(file.parent)


@contextmanager
def progress_bar(name: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on standard error, so that what is piped stays clean."""
    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(escape(name), total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def score_bar(score: float, lowest: float, highest: float, width: int = BAR_WIDTH) -> str:
    """A bar from empty (the lowest score) to full (the highest), in eighths of a character."""
    share = 1.0 if highest <= lowest else (score - lowest) / (highest - lowest)
    eighths = round(share * width * 8)
    return "█" * (eighths // 8) + ("" if eighths % 8 == 0 else "▏▎▍▌▋▊▉"[eighths % 8 - 1])
