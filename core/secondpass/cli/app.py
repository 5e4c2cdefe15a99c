"""All commands of `secondpass`; each lives in a module of its own."""

from typing import Annotated

import typer

from secondpass.cli.bench import bench
from secondpass.cli.calibrate import calibrate
from secondpass.cli.demo import demo
from secondpass.cli.eval import evaluate
from secondpass.cli.models import models
from secondpass.cli.rank import rank
from secondpass.cli.score import score
from secondpass.cli.serve import serve
from secondpass.cli.train import train

app = typer.Typer(
    help="Re-rank retrieved documents with cross-encoders, locally.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # main() turns our errors into one line; others should show whole
    add_completion=False,
)
app.command()(rank)
app.command()(models)
app.command()(demo)
app.command("eval")(evaluate)
app.command()(calibrate)
app.command()(train)
app.command()(serve)
app.command()(score)
app.command()(bench)


@app.callback(invoke_without_command=True)
def version(show: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False) -> None:
    """Re-rank retrieved documents with cross-encoders, locally."""
    if show:
        from importlib.metadata import version as installed

        typer.echo(installed("secondpass"))
        raise typer.Exit
