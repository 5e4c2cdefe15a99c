"""`secondpass demo --all`: every question there is, by BM25, by a bi-encoder and by the model, with the totals."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from secondpass.cli.demo.passes import (
    TOP,
    Pass,
    first_stage,
    largest_gains,
    load_warm,
    second_pass,
    warn_of_truncated,
)
from secondpass.cli.demo.tables import colour, n_within, question_table, rank_text, share_within, time_taken
from secondpass.cli.eval.tables import differences_table
from secondpass.cli.output import OutputFormat, write
from secondpass.cli.sheets import Column, Kind, Row, Sheet
from secondpass.cli.truncation import counted_instead
from secondpass.errors import InputError
from secondpass.options import ModelOptions
from secondpass.quantities import count

if TYPE_CHECKING:
    from secondpass.demo import Question
    from secondpass.evaluation import Comparison

# The one whose orders are in the package.
BI_ENCODER = "all-MiniLM-L6-v2"
# What ranked, by its name in JSON: the last one is compared with the others.
RANKERS = {"bm25": "BM25", "bi_encoder": "bi-encoder", "second_pass": "second pass"}
_LAST = "second_pass"
# Headings above the live rows, broken so that questions have room beside them.
_HEADINGS = ("", "BM25", "bi-\nencoder", "second\npass", "question")
_PLACE_WIDTH = len("49/49")


@dataclass(frozen=True, slots=True)
class Placed:
    """Where three rankers put the labelled passage among BM25's candidates.

    Args:
        done: The second pass.
        ranks: By name in `RANKERS`, 1 the best; all None if the passage is not among the candidates.
    """

    done: Pass
    ranks: Mapping[str, int | None]

    @property
    def reciprocal_ranks(self) -> dict[str, float]:
        """1 over each rank; 0 without one."""
        return {name: 0.0 if rank is None else 1 / rank for name, rank in self.ranks.items()}


def check_depth(depth: int) -> None:
    """Raise InputError if there are no orders of the bi-encoder for as many candidates."""
    from secondpass.demo import BI_ENCODER_DEPTH

    if depth > BI_ENCODER_DEPTH:
        raise InputError(
            f"depth must be at most {BI_ENCODER_DEPTH} with --all, as many candidates as the bi-encoder's order in "
            f"this package holds, got {depth}"
        )


def ask_all(
    model: str, options: ModelOptions, *, depth: int, show: int, format_: OutputFormat, live: Console | None
) -> None:
    """A line per question, then how often each ranker has the answer first, and whether that may be chance."""
    from secondpass.demo import all_questions, bi_encoder_orders

    asked, orders = all_questions(), bi_encoder_orders()
    if live is not None:
        n_asked = count(len(asked), "question")
        live.print(f"For {n_asked}, the rank of the passage with the answer; - where BM25 did not find it.")
        live.print()
        live.print(_row(*(Text(heading, style="dim") for heading in _HEADINGS), vertical="bottom"))
    find = first_stage(depth)
    scorer = load_warm(model, options)
    placed: list[Placed] = []
    with counted_instead():
        for number, question in enumerate(asked, 1):
            placed.append(place(question, second_pass(scorer, question, find(question)), orders[question.text]))
            if live is not None:
                live.print(_row(f"{number}/{len(asked)}", *_cells(placed[-1]), question.text))
    passes = [answer.done for answer in placed]
    warn_of_truncated(scorer, passes, max_length=options.max_length)
    comparisons = compare_last(placed)
    sheets = [question_table(done) for done in largest_gains(passes, show)]
    if live is None:
        sheets.append(ranks_table(placed))
    else:
        live.print()
    sheets += [summary_table(placed, model), tests_table(comparisons)]
    setting = {"model": model, "bi_encoder": BI_ENCODER, "depth": depth}
    write(format_, setting | as_json(placed, comparisons), sheets)


def place(question: "Question", done: Pass, order: Sequence[str]) -> Placed:
    """Where the three rankers put a question's labelled passage.

    Args:
        question: What was asked.
        done: The second pass over its candidates.
        order: The bi-encoder's order of BM25's best passages, these candidates among them.
    """
    before, after = done.outcome.before, done.outcome.after
    by_bi_encoder = None
    if before is not None:
        above = order[: order.index(question.passage)]
        by_bi_encoder = 1 + len({passage.id for passage in done.candidates}.intersection(above))
    return Placed(done, {"bm25": before, "bi_encoder": by_bi_encoder, "second_pass": after})


def compare_last(placed: Sequence[Placed]) -> dict[str, "Comparison"]:
    """The model's reciprocal ranks against each of the others', by what ranked before; at least one question."""
    from secondpass.evaluation import compare

    values = {answer.done.outcome.question: answer.reciprocal_ranks for answer in placed}
    by_ranker = {name: {question: value[name] for question, value in values.items()} for name in RANKERS}
    return {name: compare(by_ranker[name], by_ranker[_LAST]) for name in RANKERS if name != _LAST}


def as_json(placed: Sequence[Placed], comparisons: Mapping[str, "Comparison"]) -> dict[str, object]:
    """Every rank, the totals and the tests."""
    return {
        "questions": [
            {
                "question": answer.done.outcome.question,
                "answer": answer.done.outcome.answer,
                "ranks": dict(answer.ranks),
                "seconds": answer.done.outcome.seconds,
            }
            for answer in placed
        ],
        "n_questions": len(placed),
        "n_not_found": _n_not_found(placed),
        "totals": {
            name: {
                "first": n_within(1, _ranks(placed, name)),
                f"top_{TOP}": n_within(TOP, _ranks(placed, name)),
                "mean_reciprocal_rank": _mean_reciprocal_rank(placed, name),
            }
            for name in RANKERS
        },
        "comparisons": {
            name: asdict(comparison) | {"difference": comparison.difference} for name, comparison in comparisons.items()
        },
    }


def ranks_table(placed: Iterable[Placed]) -> Sheet:
    """Every question with its ranks."""
    rows = [Row((answer.done.outcome.question, *_cells(answer))) for answer in placed]
    return Sheet("rank of the passage with the answer", _columns("question"), rows)


def summary_table(placed: Sequence[Placed], model: str) -> Sheet:
    """How often each ranker has the answer first, or near it; at least one question."""
    rows = [
        Row(("first", *(share_within(1, _ranks(placed, name)) for name in RANKERS))),
        Row((f"in the top {TOP}", *(share_within(TOP, _ranks(placed, name)) for name in RANKERS))),
        Row(("mean reciprocal rank", *(f"{_mean_reciprocal_rank(placed, name):.4f}" for name in RANKERS))),
    ]
    n_not_found = _n_not_found(placed)
    caption = f"not among BM25's candidates: {n_not_found} of {len(placed)}, which count 0 for all three"
    title = f"all {count(len(placed), 'question')}; {time_taken([answer.done for answer in placed], model)}"
    return Sheet(title, _columns("passage with the answer"), rows, caption if n_not_found else "")


def tests_table(comparisons: Mapping[str, "Comparison"]) -> Sheet:
    """Whether the model's reciprocal ranks differ from the others' by more than chance."""
    return differences_table(
        "reciprocal rank of the second pass, against both",
        {RANKERS[name]: comparison for name, comparison in comparisons.items()},
        ("against", "its mean", RANKERS[_LAST]),
        f"p of a two-sided paired t-test; the bi-encoder is {BI_ENCODER}, by cosine",
    )


def _columns(first: str) -> tuple[Column, ...]:
    return Column(first, Kind.NAME), *map(Column, RANKERS.values())


def _cells(answer: Placed) -> list[str | Text]:
    *others, last = (rank_text(answer.ranks[name]) for name in RANKERS)
    return [*others, Text(last, style=colour(answer.done.outcome))]


def _row(*cells: str | Text, vertical: Literal["top", "bottom"] = "top") -> Table:
    """A line of figures with a question beside it, which goes on below itself where the terminal is narrow."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    for heading in _HEADINGS[:-1]:
        width = max(_PLACE_WIDTH, *map(len, heading.split("\n")))
        grid.add_column(justify="right", vertical=vertical, no_wrap=True, min_width=width)
    grid.add_column(vertical=vertical)
    grid.add_row(*cells)
    return grid


def _ranks(placed: Iterable[Placed], name: str) -> list[int | None]:
    return [answer.ranks[name] for answer in placed]


def _mean_reciprocal_rank(placed: Iterable[Placed], name: str) -> float:
    return fmean(answer.reciprocal_ranks[name] for answer in placed)


def _n_not_found(placed: Iterable[Placed]) -> int:
    return sum(rank is None for rank in _ranks(placed, "bm25"))
