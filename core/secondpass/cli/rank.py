"""`secondpass rank`: documents from files, ordered by their relevance to a query."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from secondpass.cli.documents import STDIN, Document, Format, format_by_name, read_documents
from secondpass.cli.loading import scorer_of
from secondpass.cli.options import (
    DEFAULT_MODEL,
    Activation,
    BatchTokens,
    CacheDir,
    Device,
    DType,
    Instruction,
    Json,
    Label,
    LocalFilesOnly,
    MaxLength,
    ModelOrService,
    Output,
    Revision,
    Token,
    TrustRemoteCode,
    label_of,
)
from secondpass.cli.output import output_format, score_bar, write
from secondpass.cli.sheets import Column, Kind, Row, Sheet, count
from secondpass.errors import InputError
from secondpass.options import ModelOptions
from secondpass.ranking import RankedDocument
from secondpass.ranking import rank as rank_documents
from secondpass.ranking.checks import check_score_threshold, check_top_k


def rank(
    query: Annotated[str, typer.Argument(help="What is asked.")],
    files: Annotated[
        list[Path] | None, typer.Argument(help="Documents; without any, or where one is -, standard input is read.")
    ] = None,
    model: ModelOrService = DEFAULT_MODEL,
    top_k: Annotated[
        int | None, typer.Option("--top-k", "-k", help="How many to keep, best first.", show_default="all")
    ] = None,
    score_threshold: Annotated[
        float | None, typer.Option("--threshold", help="Drop documents that score less.", show_default="none")
    ] = None,
    as_: Annotated[
        Format,
        typer.Option(
            "--as",
            help="What a document is. auto: by the file's name. .jsonl, .ndjson: a JSON object; .trec, .sgml: a <DOC> "
            "element; .txt and standard input: a line (JSONL where standard input begins with {); else: the file.",
        ),
    ] = Format.AUTO,
    format_: Output = None,
    json_: Json = False,
    device: Device = None,
    dtype: DType = None,
    max_length: MaxLength = None,
    instruction: Instruction = None,
    activation: Activation = None,
    label: Label = None,
    batch_tokens: BatchTokens = None,
    revision: Revision = None,
    token: Token = None,
    cache_dir: CacheDir = None,
    local_files_only: LocalFilesOnly = False,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Order documents by their relevance to a query: lines, JSONL, TREC collections, or whole files."""
    result_format = output_format(format_, json_)
    _check_query(query)
    check_top_k(top_k)
    check_score_threshold(score_threshold)
    options = ModelOptions(
        revision=revision,
        token=token,
        cache_dir=None if cache_dir is None else str(cache_dir),
        local_files_only=local_files_only,
        trust_remote_code=trust_remote_code,
        device=device,
        dtype=dtype,
        max_length=max_length,
        instruction=instruction,
        activation=activation,
        label=label_of(label),
        batch_tokens=batch_tokens,
    )
    documents = read_documents(files or [STDIN], as_)
    ranked: list[RankedDocument] = []
    if documents:
        scorer = scorer_of(model, options)
        texts = [document.text for document in documents]
        ranked = rank_documents(scorer, query, texts, top_k=top_k, score_threshold=score_threshold)
    write(
        result_format, _rows(ranked, documents), [ranking_sheet(query, ranked, documents, _reading(files or [], as_))]
    )


def ranking_sheet(
    query: str, ranked: Sequence[RankedDocument], documents: Sequence[Document], reading: str = ""
) -> Sheet:
    """The ranking, best first.

    Args:
        query: What was asked.
        ranked: Those that were kept.
        documents: All that were ranked, in their own order.
        reading: How they were read, where that is worth saying.
    """
    scores = [result.score for result in ranked]
    rows = [
        Row(
            (
                str(position),
                f"{result.score:.3f}",
                Text(score_bar(result.score, min(scores), max(scores)), style="green"),
                documents[result.index].id,
                result.text,
            )
        )
        for position, result in enumerate(ranked, 1)
    ]
    columns = (
        Column("#"), Column("score"), Column("", Kind.BAR), Column("document", Kind.NAME), Column("text", Kind.TEXT),
    )  # fmt: skip
    return Sheet(
        " ".join(query.split()), columns, rows, f"{len(ranked)} of {count(len(documents), 'document')}{reading}"
    )


def _reading(files: Sequence[Path], as_: Format) -> str:
    """What a .txt was taken for, which its name alone does not say."""
    guessed = as_ is Format.AUTO and any(file != STDIN and format_by_name(file) is Format.LINES for file in files)
    return ", one per line (--as document: one per file)" if guessed else ""


def _check_query(query: str) -> None:
    if not query.strip():
        raise InputError(f"QUERY must hold text, got {query!r}")
    try:
        query.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"QUERY must be UTF-8 text, is not at character {error.start + 1}") from error


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
