"""`secondpass rank`: documents of files, ordered by their relevance to a query."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from secondpass.cli.documents import STDIN, Document, Format, read_documents
from secondpass.cli.options import DEFAULT_MODEL, Device, DType, Json, MaxLength, ModelName, load_quietly
from secondpass.ranking import RankedDocument
from secondpass.ranking.checks import check_score_threshold, check_top_k

_BAR_WIDTH = 12


def rank(
    query: Annotated[str, typer.Argument(help="What is asked.")],
    files: Annotated[list[Path] | None, typer.Argument(help="Documents; - or nothing reads standard input.")] = None,
    model: ModelName = DEFAULT_MODEL,
    top_k: Annotated[int | None, typer.Option("--top-k", "-k", help="Keep the best so many.")] = None,
    threshold: Annotated[float | None, typer.Option(help="Keep scores of at least this much.")] = None,
    format_: Annotated[Format, typer.Option("--format", help="How files hold documents.")] = Format.AUTO,
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
    if json_ or not sys.stdout.isatty():
        typer.echo(json.dumps(_rows(ranked, documents), ensure_ascii=False, indent=2).encode())  # UTF-8 everywhere
    else:
        Console().print(_table(query, ranked, documents))


def score_bar(score: float, lowest: float, highest: float, width: int = _BAR_WIDTH) -> str:
    """A bar from empty (the lowest score) to full (the highest), in eighths of a character."""
    share = 1.0 if highest <= lowest else (score - lowest) / (highest - lowest)
    eighths = round(share * width * 8)
    return "█" * (eighths // 8) + ("" if eighths % 8 == 0 else "▏▎▍▌▋▊▉"[eighths % 8 - 1])


def _rows(ranked: Sequence[RankedDocument], documents: Sequence[Document]) -> list[dict[str, object]]:
    return [
        {"rank": place, "score": found.score, "id": documents[found.index].id, "index": found.index, "text": found.text}
        for place, found in enumerate(ranked, 1)
    ]


def _table(query: str, ranked: Sequence[RankedDocument], documents: Sequence[Document]) -> Table:
    table = Table(title=Text(query), expand=True, caption=f"{len(ranked)} of {len(documents)} documents")
    table.add_column("#", justify="right", no_wrap=True, min_width=2)
    table.add_column("score", justify="right", no_wrap=True, min_width=7)
    table.add_column("", no_wrap=True, min_width=_BAR_WIDTH)
    table.add_column("document", overflow="ellipsis", no_wrap=True, min_width=12, max_width=24)
    table.add_column("text", overflow="ellipsis", no_wrap=True, ratio=1)
    scores = [found.score for found in ranked]
    for place, found in enumerate(ranked, 1):
        table.add_row(
            str(place),
            f"{found.score:.3f}",
            Text(score_bar(found.score, min(scores), max(scores)), style="green"),
            Text(documents[found.index].id),
            Text(" ".join(found.text.split())[:300]),
        )
    return table
