"""`secondpass rank`: documents from files, ordered by their relevance to a query."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from secondpass.arguments import check_count
from secondpass.cli.documents import STDIN, Document, Format, format_by_name, read_documents
from secondpass.cli.excerpts import Excerpt, Excerpts
from secondpass.cli.loading import scorer_of
from secondpass.cli.options import DEFAULT_MODEL, Json, ModelOrService, Output, takes_model_options
from secondpass.cli.output import OutputFormat, output_format, score_bar, write
from secondpass.cli.sheets import Column, Kind, Row, Sheet, one_line
from secondpass.cli.truncation import counted_instead, report_truncated
from secondpass.errors import InputError
from secondpass.options import ModelOptions
from secondpass.quantities import count
from secondpass.ranking import PassageScorer, RankedDocument, Scorer
from secondpass.ranking import rank as rank_documents
from secondpass.ranking.order import order_documents
from secondpass.ranking.request_checks import check_score_threshold

# Tokens of a passage that is shown, and how many results have theirs shown.
_EXCERPT_TOKENS, _N_EXCERPTS = 48, 10


@takes_model_options()
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
    *,
    options: ModelOptions,
) -> None:
    """Order documents by their relevance to a query: lines, JSONL, TREC collections, or whole files."""
    result_format = output_format(format_, json_)
    _check_query(query)
    check_count("top_k", top_k)
    check_score_threshold(score_threshold)
    documents = read_documents(files or [STDIN], as_)
    ranked: list[RankedDocument] = []
    shown: list[RankedDocument] = []
    if documents:
        scorer = scorer_of(model, options)
        with counted_instead():
            everything = rank_documents(scorer, query, [document.text for document in documents])
            ranked = order_documents(everything, top_k=top_k, score_threshold=score_threshold)
            if result_format is not OutputFormat.JSON:
                shown = [_narrowed(scorer, query, result) for result in ranked[:_N_EXCERPTS]]
        n_truncated = sum(document.truncated or False for document in everything)
        report_truncated(scorer, n_truncated, len(everything), max_length=options.max_length)
    sheet = ranking_sheet(query, [*shown, *ranked[len(shown) :]], documents, _reading(files or [], as_))
    excerpts = [
        Excerpt(f"{position}  {_place(result, documents)}", result.text, result.passage.start, result.passage.end)
        for position, result in enumerate(shown, 1)
        if result.passage is not None and _is_part(result)
    ]
    write(result_format, _rows(ranked, documents), [sheet, Excerpts(excerpts)] if excerpts else [sheet])


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
                _place(result, documents),
                _from_passage(result),
            )
        )
        for position, result in enumerate(ranked, 1)
    ]
    columns = (
        Column("#"), Column("score"), Column("", Kind.BAR), Column("document", Kind.NAME), Column("text", Kind.TEXT),
    )  # fmt: skip
    return Sheet(one_line(query), columns, rows, f"{len(ranked)} of {count(len(documents), 'document')}{reading}")


def _reading(files: Sequence[Path], as_: Format) -> str:
    """What a .txt was taken for, which its name alone does not say."""
    in_lines = [file != STDIN and format_by_name(file) is Format.LINES for file in files]
    if as_ is not Format.AUTO or not any(in_lines):
        return ""
    those = "" if all(in_lines) else "of .txt files "
    return f", {those}one per line (--as document: one per file)"


def _check_query(query: str) -> None:
    if not query.strip():
        raise InputError(f"QUERY must hold text, got {query!r}")
    try:
        query.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"QUERY must be UTF-8 text; invalid byte at character {error.start + 1}") from error


def _narrowed(scorer: Scorer, query: str, result: RankedDocument) -> RankedDocument:
    """The result with the best few sentences of its passage in place of all of it, for people to read."""
    if result.passage is None or not _is_part(result) or not isinstance(scorer, PassageScorer):
        return result
    start, end = result.passage.start, result.passage.end
    (best,) = scorer.passages(query, result.text[start:end], max_tokens=_EXCERPT_TOKENS, top_k=1)
    return replace(result, passage=replace(best, start=start + best.start, end=start + best.end))


def _is_part(result: RankedDocument) -> bool:
    """Whether the passage is not the whole text."""
    return result.passage is not None and (result.passage.start, result.passage.end) != (0, len(result.text))


def _place(result: RankedDocument, documents: Sequence[Document]) -> str:
    """The document's id, and the line of a passage in a file that is one document."""
    document = documents[result.index]
    if result.passage is None or not (_is_part(result) and document.is_verbatim):
        return document.id
    return f"{document.id}:{document.line_of(result.passage.start)}"


def _from_passage(result: RankedDocument) -> str:
    """The text from its passage on."""
    if result.passage is None or not result.passage.start:
        return result.text
    return f"… {result.text[result.passage.start :]}"


def _rows(ranked: Sequence[RankedDocument], documents: Sequence[Document]) -> list[dict[str, object]]:
    return [
        {
            "rank": position,
            "score": result.score,
            "id": documents[result.index].id,
            "index": result.index,
            "text": result.text,
            "passage": None
            if result.passage is None
            else asdict(result.passage) | {"line": documents[result.index].line_of(result.passage.start)},
            "truncated": result.truncated,
        }
        for position, result in enumerate(ranked, 1)
    ]
