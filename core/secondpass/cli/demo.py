"""`secondpass demo`: what a second pass changes, on a corpus that is in the package."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

from secondpass.cli.demo_reasons import Reason, find_reason, in_words
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
# How far what is said of a question is moved in below it.
_INDENT = 3
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


@dataclass(frozen=True, slots=True)
class Pass:
    """A second pass over one question's candidates.

    Args:
        outcome: What it changed.
        candidates: The first stage's passages, best first.
        ranking: The model's order of them.
        reason: Why its first passage is first; None: there are no candidates.
    """

    outcome: Outcome
    candidates: Sequence["Passage"]
    ranking: Sequence[RankedDocument]
    reason: Reason | None


@takes_model_options()
def demo(
    model: ModelName = DEFAULT_MODEL,
    show: Annotated[int, typer.Option(help="Questions with a table, those with the largest gains; 0 for none.")] = 1,
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
    # People see each question as it is read; JSON and Markdown are written when all is known.
    live = Console() if result_format is OutputFormat.TABLE else None
    if live is not None:
        found = count(depth, "passage")
        live.print(f"BM25 finds up to {found} for each question; {escape(model)} reads each of them beside it.")
    from secondpass.demo import passages, questions
    from secondpass.evaluation import BM25

    corpus, all_questions = passages(), questions()
    bm25 = BM25({key: passage.text for key, passage in corpus.items()})
    _head(live, all_questions, 0)  # what takes the longest comes below the first question
    scorer = _load(model, options)
    passes: list[Pass] = []
    with counted_instead():
        for number, question in enumerate(all_questions):
            if number:
                _head(live, all_questions, number)
            passes.append(second_pass(scorer, question, corpus, list(bm25.search(question.text, depth))))
            if live is not None:
                live.print(Padding(findings(passes[-1]), (0, 0, 0, _INDENT)))
    read = [ranked for done in passes for ranked in done.ranking]
    report_truncated(scorer, sum(ranked.truncated or False for ranked in read), len(read))
    by_gain = sorted(passes, key=lambda done: done.outcome.gain, reverse=True)
    sheets = [question_table(done) for done in by_gain[:show]]
    n_candidates = sum(len(done.candidates) for done in passes) / len(passes)
    sheets.append(totals_table([done.outcome for done in passes], model, n_candidates))
    if live is not None:
        live.print()
    write(result_format, {"model": model, "questions": [_told(done) for done in passes]}, sheets)
    if result_format is not OutputFormat.JSON:
        texts = [passage.text for passage in passes[0].candidates[:_N_TEXTS]]
        console = Console()
        console.print()
        with counted_instead():
            show_frameworks(console, scorer, all_questions[0].text, texts)


def _head(live: Console | None, all_questions: Sequence["Question"], number: int) -> None:
    if live is not None:
        live.print()
        live.print(Text(f"{number + 1}/{len(all_questions)} {all_questions[number].text}", style="bold"))


def _load(model: str, options: ModelOptions) -> Scorer:
    """The model, set up: the first pass of a process takes longer, which is no question's time."""
    scorer = load_quietly(model, options)
    scorer.score("warm", ["up"])
    return scorer


def second_pass(
    scorer: Scorer, question: "Question", corpus: Mapping[str, "Passage"], candidates: Sequence[str]
) -> Pass:
    """Re-rank one question's candidates.

    Args:
        scorer: The model.
        question: What is asked.
        corpus: Passages by id.
        candidates: Ids of the first stage's best, best first.
    """
    found = [corpus[key] for key in candidates]
    started = time.perf_counter()
    ranking = rank(scorer, question.text, [passage.text for passage in found])
    seconds = time.perf_counter() - started
    order = [candidates[ranked.index] for ranked in ranking]
    before, after = (_rank_of(question.passage, ids) for ids in (candidates, order))
    reason = find_reason(scorer, question.text, found, ranking) if ranking else None
    return Pass(Outcome(question.text, question.answer, before, after, seconds), found, ranking, reason)


def findings(done: Pass) -> Text:
    """What a second pass changed, and why its first passage is first, in a line each."""
    outcome = done.outcome
    ranks = Text(f"BM25 {_rank_text(outcome.before)}, second pass {_rank_text(outcome.after)}", style=_colour(outcome))
    first = Text.assemble(("answer: ", "dim"), outcome.answer, ("; its passage: ", "dim"), ranks)
    return first if done.reason is None else Text("\n").join([first, Text(in_words(done.reason))])


def _told(done: Pass) -> dict[str, object]:
    return asdict(done.outcome) | {"why": None if done.reason is None else in_words(done.reason)}


def question_table(done: Pass) -> Sheet:
    """The model's best passages, where BM25 had them, and how sure the model is."""
    outcome = done.outcome
    scores = [ranked.score for ranked in done.ranking]
    rows = []
    for position, ranked in enumerate(done.ranking[:_TOP], 1):
        before = ranked.index + 1
        arrow = "↑" if before > position else "↓" if before < position else " "
        is_answer = outcome.after == position
        passage = done.candidates[ranked.index]
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
        after = Text(_rank_text(outcome.after), style=_colour(outcome))
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


def _colour(outcome: Outcome) -> str:
    return "green" if outcome.gain > 0 else "red" if outcome.gain < 0 else ""


def _rank_of(wanted: str, ids: Sequence[str]) -> int | None:
    return list(ids).index(wanted) + 1 if wanted in ids else None


def _rank_text(rank: int | None) -> str:
    return "-" if rank is None else str(rank)


def _n_in_top(ranks: Iterable[int | None]) -> int:
    return sum(rank is not None and rank <= _TOP for rank in ranks)
