"""`secondpass demo`: what a second pass changes, on a corpus that is in the package."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer
from rich.console import Console
from rich.text import Text

from secondpass.cli.loading import load_quietly
from secondpass.cli.options import DEFAULT_MODEL, Json, ModelName, Output, takes_model_options
from secondpass.cli.output import OutputFormat, output_format, score_bar, write
from secondpass.cli.sheets import Column, Kind, Row, Sheet, count
from secondpass.cli.truncation import counted_instead, report_truncated
from secondpass.errors import InputError
from secondpass.options import ModelOptions
from secondpass.ranking import RankedDocument, Scorer, rank
from secondpass.ranking.checks import check_top_k

if TYPE_CHECKING:
    from secondpass.demo import Passage, Question

# Entry points of this group are adapters that the demo can call: name of the framework -> Rerank.
FRAMEWORKS = "secondpass.demo"
# (scorer, query, texts, top_k) -> the best texts in the framework's order, best first.
Rerank: TypeAlias = Callable[[Scorer, str, Sequence[str], int], list[str]]

# The places that tables show and the totals count.
_TOP = 3
# The candidates that every framework reranks: more would show nothing else.
_N_TEXTS = 5
# The order in which frameworks are named; others follow by name. Metadata of a distribution comes sorted.
_FIRST = ("LangChain", "LlamaIndex", "Haystack")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One question, before and after.

    Args:
        question: What was asked.
        answer: What the labelled passage says.
        before: BM25's rank of that passage, 1 the best; None if it is not among the candidates.
        after: The model's rank of it.
        seconds: Wall-clock time of the second pass.
    """

    question: str
    answer: str
    before: int | None
    after: int | None
    seconds: float

    @property
    def gain(self) -> int:
        """By how many ranks the passage moved up; 0 if it is not among the candidates."""
        return 0 if self.before is None or self.after is None else self.before - self.after


@takes_model_options()
def demo(
    model: ModelName = DEFAULT_MODEL,
    show: Annotated[int, typer.Option(help="Questions shown in full; 0 for none.")] = 3,
    depth: Annotated[int, typer.Option(help="Candidates re-ranked per question.")] = 50,
    format_: Output = None,
    json_: Json = False,
    *,
    options: ModelOptions,
) -> None:
    """BM25 first, a cross-encoder second: what moves up, on 1,293 Wikipedia passages and real questions, offline."""
    result_format = output_format(format_, json_)
    check_top_k(depth, "depth")
    if show < 0:
        raise InputError(f"show must be at least 0, got {show}")
    from secondpass.demo import passages, questions
    from secondpass.evaluation import BM25

    corpus, all_questions = passages(), questions()
    bm25 = BM25({key: passage.text for key, passage in corpus.items()})
    scorer = load_quietly(model, options)
    scorer.score("warm", ["up"])  # the first pass of a process sets things up, which is no question's time
    with counted_instead():
        passes = [
            second_pass(scorer, question, corpus, list(bm25.search(question.text, depth))) for question in all_questions
        ]
    read = [ranked for _, _, ranking in passes for ranked in ranking]
    report_truncated(scorer, sum(ranked.truncated or False for ranked in read), len(read))
    outcomes = [outcome for outcome, _, _ in passes]
    by_gain = sorted(passes, key=lambda second: second[0].gain, reverse=True)
    sheets = [
        question_table(outcome, [corpus[key] for key in candidates], ranking)
        for outcome, candidates, ranking in by_gain[:show]
    ]
    n_candidates = sum(len(candidates) for _, candidates, _ in passes) / len(passes)
    content = {"model": model, "questions": [asdict(outcome) for outcome in outcomes]}
    write(result_format, content, [*sheets, totals_table(outcomes, model, n_candidates)])
    if result_format is not OutputFormat.JSON:
        _, candidates, _ = passes[0]
        texts = [corpus[key].text for key in candidates[:_N_TEXTS]]
        console = Console()
        console.print()
        with counted_instead():
            show_frameworks(console, scorer, all_questions[0].text, texts)


def second_pass(
    scorer: Scorer, question: "Question", corpus: Mapping[str, "Passage"], candidates: Sequence[str]
) -> tuple[Outcome, Sequence[str], list[RankedDocument]]:
    """Re-rank one question's candidates.

    Args:
        scorer: The model.
        question: What is asked.
        corpus: Passages by id.
        candidates: Ids of the first stage's best, best first.

    Returns:
        What happened, the candidates, and the model's order of them.
    """
    started = time.perf_counter()
    ranking = rank(scorer, question.text, [corpus[key].text for key in candidates])
    seconds = time.perf_counter() - started
    order = [candidates[ranked.index] for ranked in ranking]
    before, after = (_rank_of(question.passage, ids) for ids in (candidates, order))
    return Outcome(question.text, question.answer, before, after, seconds), candidates, ranking


def question_table(outcome: Outcome, candidates: Sequence["Passage"], ranking: Sequence[RankedDocument]) -> Sheet:
    """The model's best passages, where BM25 had them, and how sure the model is."""
    scores = [ranked.score for ranked in ranking]
    rows = []
    for position, ranked in enumerate(ranking[:_TOP], 1):
        before = ranked.index + 1
        arrow = "↑" if before > position else "↓" if before < position else " "
        is_answer = outcome.after == position
        passage = candidates[ranked.index]
        bar = score_bar(ranked.score, min(scores), max(scores))
        rows.append(
            Row(
                (
                    str(position),
                    f"{before} {arrow}",
                    f"{ranked.score:.2f}",
                    Text(bar, style="green" if is_answer else "dim"),
                    f"{passage.title}: {passage.text}",
                ),
                style="bold" if is_answer else "",
            )
        )
    columns = (
        Column("#"), Column("BM25"), Column("score"), Column("", Kind.BAR), Column("passage", Kind.TEXT),
    )  # fmt: skip
    caption = (
        f"answer: {outcome.answer} | its passage: BM25 {_rank_text(outcome.before)}, "
        f"second pass {_rank_text(outcome.after)}"
    )
    return Sheet(outcome.question, columns, rows, caption)


def totals_table(outcomes: Sequence[Outcome], model: str, n_candidates: float) -> Sheet:
    """All questions: where the answer stood, and how often it is among the first three.

    Args:
        outcomes: At least one.
        model: The model's name.
        n_candidates: How many were re-ranked per question, the mean.
    """
    ms = 1000 * sum(outcome.seconds for outcome in outcomes) / len(outcomes)
    rows = []
    for outcome in outcomes:
        colour = "green" if outcome.gain > 0 else "red" if outcome.gain < 0 else ""
        after = Text(_rank_text(outcome.after), style=colour)
        rows.append(Row((outcome.question, _rank_text(outcome.before), after)))
    in_top = [
        f"{_n_in_top(ranks)}/{len(outcomes)}"
        for ranks in ((outcome.before for outcome in outcomes), (outcome.after for outcome in outcomes))
    ]
    rows.append(Row((f"answer in the top {_TOP}", *in_top), is_total=True))
    return Sheet(
        f"rank of the passage with the answer; {model}, {ms:.0f} ms for {count(n_candidates, 'candidate')}",
        (Column("question", Kind.NAME), Column("BM25"), Column("second pass")),
        rows,
    )


def show_frameworks(console: Console, scorer: Scorer, query: str, texts: Sequence[str]) -> None:
    """For every framework with an adapter, whether its order is that of `rank`."""
    expected = [ranked.text for ranked in rank(scorer, query, texts, top_k=_TOP)]
    for framework in sorted(entry_points(group=FRAMEWORKS), key=_position):
        try:
            rerank: Rerank = framework.load()
        except ModuleNotFoundError:
            console.print(f"{framework.name}: not installed", style="dim")
            continue
        same = rerank(scorer, query, texts, _TOP) == expected
        verdict = "the same order" if same else "ANOTHER ORDER"
        console.print(f"{framework.name}: {verdict}", style="green" if same else "red")


def _position(framework: EntryPoint) -> tuple[int, str]:
    name = framework.name
    return _FIRST.index(name) if name in _FIRST else len(_FIRST), name


def _rank_of(wanted: str, ids: Sequence[str]) -> int | None:
    return list(ids).index(wanted) + 1 if wanted in ids else None


def _rank_text(rank: int | None) -> str:
    return "-" if rank is None else str(rank)


def _n_in_top(ranks: Iterable[int | None]) -> int:
    return sum(rank is not None and rank <= _TOP for rank in ranks)
