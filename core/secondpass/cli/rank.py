"""`secondpass rank`: documents from files, ordered by their relevance to a query."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from secondpass.cli.documents import STDIN, Document, Format, read_documents
from secondpass.cli.loading import load_quietly
from secondpass.cli.options import DEFAULT_MODEL, Device, DType, Json, MaxLength, ModelName
from secondpass.cli.output import BAR_WIDTH, score_bar, writes_json
from secondpass.ranking import RankedDocument
from secondpass.ranking.checks import check_score_threshold, check_top_k


def rank(
    query: Annotated[str, typer.Argument(help="What is asked.")],
    files: Annotated[list[Path] | None, typer.Argument(help="Documents; - or nothing reads standard input.")] = None,
    model: ModelName = DEFAULT_MODEL,
    top_k: Annotated[
        int | None, typer.Option("--top-k", "-k", help="How many to keep, best first.", show_default="all")
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(help="Drop documents that score less.", show_default="none")
    ] = None,
    format_: Annotated[Format, typer.Option("--format", help="How the files hold documents.")] = Format.AUTO,
    json_: Json = False,
    device: Device = None,
    dtype: DType = None,
    max_length: MaxLength = None,
) -> None:
    """Order documents by their relevance to a query: lines, JSONL, TREC collections, or whole text files."""
    check_top_k(top_k)
    check_score_threshold(threshold)
    documents = read_documents(files or [STDIN], format_)
    ranked: list[RankedDocument] = []
    if documents:
        scorer = load_quietly(model, device=device, dtype=dtype, max_length=max_length)
        ranked = scorer.rank(query, [document.text for document in documents], top_k, threshold)
    if writes_json(json_):
        typer.echo(json.dumps(_rows(ranked, documents), ensure_ascii=False, indent=2).encode())  # UTF-8 everywhere
    else:
        Console().print(_table(query, ranked, documents))


def _rows(ranked: Sequence[RankedDocument], documents: Sequence[Document]) -> list[dict[str, object]]:
    return [
        {
            "rank": position,
            "score": result.score,
            "id": documents[result.index].id,
            "index": result.index,
            "text": result.text,
        }
        for position, result in enumerate(ranked, 1)
    ]


def _table(query: str, ranked: Sequence[RankedDocument], documents: Sequence[Document]) -> Table:
    table = Table(title=Text(query), expand=True, caption=f"{len(ranked)} of {len(documents)} documents")
    table.add_column("#", justify="right", no_wrap=True, min_width=2)
    table.add_column("score", justify="right", no_wrap=True, min_width=7)
    table.add_column("", no_wrap=True, min_width=BAR_WIDTH)
    table.add_column("document", overflow="ellipsis", no_wrap=True, min_width=12, max_width=24)
    table.add_column("text", overflow="ellipsis", no_wrap=True, ratio=1)
    scores = [result.score for result in ranked]
    for position, result in enumerate(ranked, 1):
        table.add_row(
            str(position),
            f"{result.score:.3f}",
            Text(score_bar(result.score, min(scores), max(scores)), style="green"),
            Text(documents[result.index].id),
            Text(" ".join(result.text.split())[:300]),
        )
    return table
