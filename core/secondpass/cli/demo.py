"""`secondpass demo`: what a second pass changes, on a corpus that is in the package."""

import importlib
import importlib.util
import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from secondpass.cli.loading import load_quietly
from secondpass.cli.options import DEFAULT_MODEL, Device, DType, Json, ModelName
from secondpass.cli.output import score_bar
from secondpass.ranking import RankedDocument, Scorer, rank
from secondpass.ranking.checks import check_top_k

if TYPE_CHECKING:
    from secondpass.demo import Passage, Question

_TOP = 3


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


def demo(
    model: ModelName = DEFAULT_MODEL,
    show: Annotated[int, typer.Option(help="Questions shown in full.")] = 3,
    depth: Annotated[int, typer.Option(help="Candidates re-ranked a question.")] = 50,
    json_: Json = False,
    device: Device = None,
    dtype: DType = None,
) -> None:
    """BM25 first, a cross-encoder second: what moves up, on 1,293 Wikipedia passages and real questions, offline."""
    check_top_k(depth, "depth")
    from secondpass.demo import passages, questions
    from secondpass.evaluation import BM25

    corpus, asked = passages(), questions()
    bm25 = BM25({key: passage.text for key, passage in corpus.items()})
    scorer = load_quietly(model, device=device, dtype=dtype)
    scorer.score("warm", ["up"])
    found = [second_pass(scorer, question, corpus, list(bm25.search(question.text, depth))) for question in asked]
    outcomes = [outcome for outcome, _, _ in found]
    if json_ or not sys.stdout.isatty():
        typer.echo(json.dumps({"model": model, "questions": [asdict(one) for one in outcomes]}, indent=2))
        return
    console = Console()
    moved = sorted(found, key=lambda one: _gain(one[0]), reverse=True)
    for outcome, candidates, ranked in moved[: max(show, 0)]:
        console.print(question_table(outcome, [corpus[key] for key in candidates], ranked))
    console.print(totals_table(outcomes, model, depth))
    _show_frameworks(console, scorer, asked[0], [corpus[key].text for key in found[0][1][:5]])


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
    ranked = rank(scorer, question.text, [corpus[key].text for key in candidates])
    seconds = time.perf_counter() - started
    order = [candidates[one.index] for one in ranked]
    before, after = (_place(question.passage, ids) for ids in (candidates, order))
    return Outcome(question.text, question.answer, before, after, seconds), candidates, ranked


def question_table(outcome: Outcome, candidates: Sequence["Passage"], ranked: Sequence[RankedDocument]) -> Table:
    """The model's best passages, where BM25 had them, and how sure the model is."""
    caption = (
        f"answer: {outcome.answer} | its passage: BM25 {_shown(outcome.before)}, second pass {_shown(outcome.after)}"
    )
    table = Table(title=Text(outcome.question), caption=Text(caption), expand=True)
    for name in ("#", "BM25", "score", ""):
        table.add_column(name, justify="right" if name else "left", no_wrap=True, min_width=12 if not name else 4)
    table.add_column("passage", overflow="ellipsis", no_wrap=True, ratio=1)
    scores = [one.score for one in ranked]
    for place, one in enumerate(ranked[:_TOP], 1):
        moved = one.index + 1 - place
        arrow = f"{one.index + 1} ↑" if moved > 0 else f"{one.index + 1} ↓" if moved < 0 else f"{one.index + 1}  "
        right = outcome.after == place
        passage = candidates[one.index]
        table.add_row(
            str(place),
            arrow,
            f"{one.score:.2f}",
            Text(score_bar(one.score, min(scores), max(scores)), style="green" if right else "dim"),
            Text(f"{passage.title}: {passage.text}", style="bold" if right else ""),
        )
    return table


def totals_table(outcomes: Sequence[Outcome], model: str, depth: int) -> Table:
    """All questions: where the answer stood, and how often it is among the first three."""
    ms = 1000 * sum(one.seconds for one in outcomes) / len(outcomes)
    table = Table(title=Text(f"rank of the passage with the answer; {model}, {ms:.0f} ms for {depth} candidates"))
    table.add_column("question")
    table.add_column("BM25", justify="right", no_wrap=True)
    table.add_column("second pass", justify="right", no_wrap=True)
    for one in outcomes:
        colour = "green" if _gain(one) > 0 else "red" if _gain(one) < 0 else ""
        table.add_row(Text(one.question), _shown(one.before), Text(_shown(one.after), style=colour))
    table.add_section()
    table.add_row(
        f"answer in the top {_TOP}",
        f"{_in_top(one.before for one in outcomes)}/{len(outcomes)}",
        f"{_in_top(one.after for one in outcomes)}/{len(outcomes)}",
    )
    return table


def _show_frameworks(console: Console, scorer: Scorer, question: "Question", texts: Sequence[str]) -> None:
    for name, call in FRAMEWORKS.items():
        try:
            order = call(scorer, question.text, texts)
        except ModuleNotFoundError:
            console.print(f"{name}: not installed", style="dim")
            continue
        same = order == [one.text for one in rank(scorer, question.text, texts, top_k=_TOP)]
        console.print(f"{name}: {'the same order' if same else 'ANOTHER ORDER'}", style="green" if same else "red")


def _langchain(scorer: Scorer, query: str, texts: Sequence[str]) -> list[str]:
    reranker: Any = _import("langchain_secondpass").SecondPassRerank(scorer=scorer, top_n=_TOP)
    document = _import("langchain_core.documents").Document
    return [one.page_content for one in reranker.compress_documents([document(page_content=t) for t in texts], query)]


def _llama_index(scorer: Scorer, query: str, texts: Sequence[str]) -> list[str]:
    reranker: Any = _import("llama_index_secondpass").SecondPassRerank(scorer=scorer, top_n=_TOP)
    schema = _import("llama_index.core.schema")
    nodes = [schema.NodeWithScore(node=schema.TextNode(text=text)) for text in texts]
    return [one.node.get_content() for one in reranker.postprocess_nodes(nodes, query_str=query)]


def _haystack(scorer: Scorer, query: str, texts: Sequence[str]) -> list[str]:
    module = _import("haystack_integrations.components.rankers.secondpass")
    ranker: Any = module.SecondPassRanker(scorer=scorer, top_k=_TOP)
    document = _import("haystack").Document
    return [one.content for one in ranker.run(query=query, documents=[document(content=t) for t in texts])["documents"]]


FRAMEWORKS: Mapping[str, Callable[[Scorer, str, Sequence[str]], list[str]]] = {
    "LangChain": _langchain,
    "LlamaIndex": _llama_index,
    "Haystack": _haystack,
}


def _import(name: str) -> Any:  # noqa: ANN401 - a module whose types only exist where it is installed
    """A framework or our adapter for it: only here, only when it is installed, and only to show that it works."""
    if importlib.util.find_spec(name.split(".", maxsplit=1)[0]) is None:
        raise ModuleNotFoundError(name)
    return importlib.import_module(name)


def _place(wanted: str, ids: Sequence[str]) -> int | None:
    return list(ids).index(wanted) + 1 if wanted in ids else None


def _shown(place: int | None) -> str:
    return "-" if place is None else str(place)


def _gain(one: Outcome) -> int:
    return 0 if one.before is None or one.after is None else one.before - one.after


def _in_top(places: Iterable[int | None]) -> int:
    return sum(place is not None and place <= _TOP for place in places)
