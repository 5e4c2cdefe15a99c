"""All commands of `secondpass`; each lives in a module of its own, which is imported when the command is called."""

from functools import cache
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from secondpass.cli.usage_errors import as_input_errors, flag_of
from secondpass.errors import InputError

# What each is for, by name: the first line of its own help, which listing them need not load.
SUMMARIES = {
    "rank": "Order documents by their relevance to a query: lines, JSONL, TREC collections, or whole files.",
    "models": (
        "Known checkpoints to choose from, with published figures. Others of their architectures load just as well."
    ),
    "demo": (
        "BM25 first, a cross-encoder second: what moves up, on 1,293 Wikipedia passages and real questions, offline."
    ),
    "eval": (
        "Re-rank a first stage and measure it: quality before and after, significance, speed, and how deep it pays."
    ),
    "calibrate": (
        "Fit probabilities to a model's scores on a collection, and find thresholds for a wanted precision or recall."
    ),
    "train": "Fine-tune a cross-encoder; an interrupted run continues from its last checkpoint.",
    "serve": "Serve models over HTTP to clients of TEI, Cohere, Jina, vLLM, infinity and Voyage.",
    "score": "Score the pairs of files into Parquet, JSONL or a TREC run; a job that was killed goes on where it was.",
    "bench": (
        "Measure our precisions against other libraries: the same pairs, one process, interleaved repeats, medians."
    ),
}
# Where module or function are not called as their command is.
_MODULES = {"bench": "bench.command", "demo": "demo.command", "eval": "eval.command"}
_FUNCTIONS = {"eval": "evaluate"}


class _Command(TyperCommand):
    """A command whose options have one value each, but for those that take several: the last would win, silently."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - as in `load_command`
        """Read the arguments.

        Raises:
            InputError: They break a rule, such as an option with one value that is given twice.
        """
        with as_input_errors(self, {}):
            values, _, given = self.make_parser(ctx).parse_args(list(args))
        options: list[Any] = [parameter for parameter in given if parameter.param_type_name == "option"]
        for option in options:
            if options.count(option) > 1 and not option.multiple and not option.is_flag:
                raise InputError(f"{flag_of(option)} must be given once, got it {options.count(option)} times")
        with as_input_errors(self, values):
            return super().parse_args(ctx, args)


@cache
def load_command(name: str) -> Any:  # noqa: ANN401 - typer's own class, or click's, by its version
    """A command with its options."""
    alone = typer.Typer(add_completion=False)
    function = getattr(import_module(f"secondpass.cli.{_MODULES.get(name, name)}"), _FUNCTIONS.get(name, name))
    alone.command(name, cls=_Command)(function)
    return typer.main.get_command(alone)


class _Commands(TyperGroup):
    """The commands: all of them while they are listed, and whole once one is asked for."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - as typer passes them
        super().__init__(**settings)
        self.commands.update({name: TyperCommand(name, help=summary) for name, summary in SUMMARIES.items()})
        self._lists = False

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401 - as in `load_command`
        """The command of this name, whole unless it is only listed; None where there is none."""
        is_whole = self._lists or cmd_name not in SUMMARIES
        return super().get_command(ctx, cmd_name) if is_whole else load_command(cmd_name)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - as above
        """Read what stands before the command; without anything, typer shows the help."""
        if not args:
            return super().parse_args(ctx, args)
        with as_input_errors(self, {}):
            return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - as above
        """Find the command that is asked for."""
        with as_input_errors(self, {}):
            return super().resolve_command(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - as above
        """Write the help, in which commands are only listed."""
        self._lists = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._lists = False


app = typer.Typer(
    cls=_Commands,
    help="Re-rank retrieved documents with cross-encoders, locally.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # main() turns our errors into one line; others should show whole
    add_completion=False,
)


@app.callback(invoke_without_command=True)
def version(show: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False) -> None:
    """Re-rank retrieved documents with cross-encoders, locally."""
    if show:
        from importlib.metadata import version as installed

        typer.echo(installed("secondpass"))
        raise typer.Exit
