"""`secondpass demo`: what a second pass changes, on a corpus that is in the package."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

from secondpass.arguments import check_count
from secondpass.cli.demo.all_questions import ask_all, check_depth
from secondpass.cli.demo.passes import (
    TOP,
    Pass,
    explain,
    first_stage,
    largest_gains,
    load_warm,
    second_pass,
    warn_of_truncated,
)
from secondpass.cli.demo.reasons import in_words
from secondpass.cli.demo.tables import findings, question_table, totals_table
from secondpass.cli.options import DEFAULT_MODEL, Json, ModelName, Output, takes_model_options
from secondpass.cli.output import OutputFormat, output_format, write
from secondpass.cli.truncation import counted_instead
from secondpass.errors import InputError
from secondpass.options import ModelOptions
from secondpass.quantities import count
from secondpass.ranking import Scorer, rank

if TYPE_CHECKING:
    from secondpass.demo import Question

# Entry points of this group are adapters that the demo can call: name of the framework -> Rerank.
FRAMEWORKS = "secondpass.demo"
# (scorer, query, texts, top_k) -> the best texts in the framework's order, best first.
Rerank: TypeAlias = Callable[[Scorer, str, Sequence[str], int], list[str]]

# The candidates that every framework reranks: more would show nothing else.
_N_TEXTS = 5
# How far what is said of a question is moved in below it.
_INDENT = 3
# The order in which frameworks are named; others follow by name. Metadata of a distribution comes sorted.
_FIRST = ("LangChain", "LlamaIndex", "Haystack")
# What belongs below the totals of the few questions.
_CHOSEN = "chosen by BM25's ranks; secondpass demo --all asks all 49, with a bi-encoder beside and a test"


@takes_model_options()
def demo(
    model: ModelName = DEFAULT_MODEL,
    show: Annotated[int, typer.Option(help="Questions with a table, those with the largest gains; 0 for none.")] = 1,
    depth: Annotated[int, typer.Option(help="Candidates re-ranked per question.")] = 50,
    all_: Annotated[
        bool, typer.Option("--all", help="Ask all 49 questions; compare with BM25 and a bi-encoder, with a test.")
    ] = False,
    format_: Output = None,
    json_: Json = False,
    *,
    options: ModelOptions,
) -> None:
    """BM25 first, a cross-encoder second: what moves up, on 1,293 Wikipedia passages and real questions, offline."""
    result_format = output_format(format_, json_)
    check_count("depth", depth)
    if all_:
        check_depth(depth)
    if show < 0:
        raise InputError(f"show must be at least 0, got {show}")
    # People see each question as it is read; JSON and Markdown are written when all is known.
    live = Console() if result_format is OutputFormat.TABLE else None
    if live is not None:
        found = count(depth, "passage")
        live.print(f"BM25 finds up to {found} for each question; {escape(model)} reads each of them beside it.")
    ask = ask_all if all_ else _ask_a_few
    ask(model, options, depth=depth, show=show, format_=result_format, live=live)


def _ask_a_few(
    model: str, options: ModelOptions, *, depth: int, show: int, format_: OutputFormat, live: Console | None
) -> None:
    """Each question with the reason for what is first, the totals, and the frameworks' orders."""
    from secondpass.demo import questions

    asked = questions()
    find = first_stage(depth)
    _head(live, asked, 0)  # what takes the longest comes below the first question
    scorer = load_warm(model, options)
    passes: list[Pass] = []
    with counted_instead():
        for number, question in enumerate(asked):
            if number:
                _head(live, asked, number)
            passes.append(explain(scorer, second_pass(scorer, question, find(question))))
            if live is not None:
                live.print(Padding(findings(passes[-1]), (0, 0, 0, _INDENT)))
    warn_of_truncated(scorer, passes, max_length=options.max_length)
    sheets = [question_table(done) for done in largest_gains(passes, show)]
    sheets.append(totals_table(passes, model, _CHOSEN))
    if live is not None:
        live.print()
    write(format_, {"model": model, "questions": [_told(done) for done in passes]}, sheets)
    if format_ is not OutputFormat.JSON:
        texts = [passage.text for passage in passes[0].candidates[:_N_TEXTS]]
        console = Console()
        console.print()
        with counted_instead():
            show_frameworks(console, scorer, asked[0].text, texts)


def _head(live: Console | None, asked: Sequence["Question"], number: int) -> None:
    if live is not None:
        live.print()
        live.print(Text(f"{number + 1}/{len(asked)} {asked[number].text}", style="bold"))


def _told(done: Pass) -> dict[str, object]:
    return asdict(done.outcome) | {"why": None if done.reason is None else in_words(done.reason)}


def show_frameworks(console: Console, scorer: Scorer, query: str, texts: Sequence[str]) -> None:
    """For every framework with an adapter, whether its order is that of `rank`."""
    expected = [ranked.text for ranked in rank(scorer, query, texts, top_k=TOP)]
    for framework in sorted(entry_points(group=FRAMEWORKS), key=_position):
        try:
            rerank: Rerank = framework.load()
        except ModuleNotFoundError:
            console.print(f"{framework.name}: not installed", style="dim")
            continue
        same = rerank(scorer, query, texts, TOP) == expected
        verdict = "the same order" if same else "ANOTHER ORDER"
        console.print(f"{framework.name}: {verdict}", style="green" if same else "red")


def _position(framework: EntryPoint) -> tuple[int, str]:
    name = framework.name
    return _FIRST.index(name) if name in _FIRST else len(_FIRST), name
