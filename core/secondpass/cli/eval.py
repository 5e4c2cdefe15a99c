"""`secondpass eval`: whether re-ranking helps on a collection, how much, and at what cost."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from secondpass.arguments import check_count
from secondpass.cli.eval_set import evaluate_set
from secondpass.cli.loading import find_models, load_quietly
from secondpass.cli.options import DEFAULT_MODEL, Device, DType, Json, MaxLength
from secondpass.cli.output import progress_bar, show
from secondpass.errors import InputError

if TYPE_CHECKING:
    from secondpass import CrossEncoder
    from secondpass.evaluation import Collection, Comparison, Report

# The p-value below which a difference gets its asterisk.
_SIGNIFICANT = 0.05
# Candidates re-ranked per query.
_DEFAULT_DEPTH = 100
# Documents per query that BM25 retrieves at least, so that the first stage is the same at every smaller --depth.
_FIRST_STAGE_DEPTH = 100

Models = Annotated[
    list[str] | None,
    typer.Option(
        "--model", "-m", help="Hub id, folder, or bundled model; several are compared.", show_default=DEFAULT_MODEL
    ),
]


def evaluate(
    data: Annotated[Path, typer.Argument(help="A BEIR-style folder, or the JSONL of a re-ranking set.")],
    model: Models = None,
    run: Annotated[Path | None, typer.Option(help="TREC run to re-rank.", show_default="a BM25 first stage")] = None,
    queries: Annotated[Path | None, typer.Option(help="Other queries than the folder's.")] = None,
    corpus: Annotated[Path | None, typer.Option(help="Other documents than the folder's.")] = None,
    qrels: Annotated[Path | None, typer.Option(help="Other judgements than the folder's.")] = None,
    measure: Annotated[
        list[str] | None,
        typer.Option(help="An ir_measures name; the first one is drawn.", show_default="nDCG@10, RR@10, AP, R@100"),
    ] = None,
    depth: Annotated[
        int | None, typer.Option(help="Candidates re-ranked per query.", show_default=str(_DEFAULT_DEPTH))
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder for runs, JSON and pictures; continues what was interrupted."),
    ] = None,
    json_: Json = False,
    device: Device = None,
    dtype: DType = None,
    max_length: MaxLength = None,
) -> None:
    """Re-rank a first stage and measure it: quality before and after, significance, speed, and how deep it pays."""
    check_count("depth", depth)

    def load(name: str) -> "CrossEncoder":
        return load_quietly(name, device=device, dtype=dtype, max_length=max_length)

    names = model or [DEFAULT_MODEL]
    if len(set(names)) < len(names):
        raise InputError(f"--model must name different models, got {', '.join(names)}")
    if not data.exists():
        raise InputError(f"no such file or folder: {data}")
    if data.is_file():
        collection_only = {
            "--run": run, "--queries": queries, "--corpus": corpus, "--qrels": qrels, "--measure": measure,
            "--depth": depth,
        }  # fmt: skip
        misplaced = [option for option, value in collection_only.items() if value is not None]
        if misplaced:
            raise InputError(f"{', '.join(misplaced)} must come with a folder; {data} is the file of a re-ranking set")
        evaluate_set(data, names, load, output=output, as_json=json_)
        return
    from secondpass.evaluation import DEFAULT_MEASURES, read_collection
    from secondpass.evaluation.measures import check_measures
    from secondpass.evaluation.plots import write_plots
    from secondpass.extras import require_matplotlib

    measures = tuple(measure or DEFAULT_MEASURES)
    check_measures(measures)
    if output is not None:
        require_matplotlib("eval")
    collection = read_collection(data, queries=queries, corpus=corpus, qrels=qrels)
    find_models(names)
    depth = _DEFAULT_DEPTH if depth is None else depth
    reports = _evaluate_run(collection, run, names, load, measures=measures, depth=depth, output=output)
    if output is not None:
        write_plots(output, reports)
    tables = [report_table(report) for report in reports]
    if len(reports) > 1:
        tables.append(comparison_table(reports))
    show([report.as_json() for report in reports], tables, output=output, as_json=json_)


def report_table(report: "Report") -> Table:
    """First stage and re-ranked run, one row per measure and depth."""
    caption = (
        f"{report.documents_per_second:.0f} docs/s, {report.ms_per_query:.1f} ms per query of {report.depth} candidates"
    )
    table = Table(title=Text(report.model), caption=caption)
    for name in ("measure", "first stage", "re-ranked", "difference", "p", "helped", "hurt"):
        table.add_column(name, justify="left" if name == "measure" else "right", no_wrap=True)
    for name, comparison in report.comparisons.items():
        colour = "green" if comparison.difference > 0 else "red" if comparison.difference < 0 else ""
        table.add_row(
            name,
            f"{comparison.before:.4f}",
            f"{comparison.after:.4f}",
            Text(f"{comparison.difference:+.4f}{_asterisk(comparison)}", style=colour),
            "-" if comparison.p_value is None else f"{comparison.p_value:.3g}",
            str(comparison.helped),
            str(comparison.hurt),
        )
    for point in report.depths:
        table.add_row(f"at depth {point.depth}", "", f"{point.value:.4f}", "", "", "", f"{point.ms_per_query:.0f} ms")
    return table


def comparison_table(reports: Sequence["Report"]) -> Table:
    """Several models side by side."""
    table = Table(title=f"comparison; * differs from the first stage, p < {_SIGNIFICANT}")
    table.add_column("model")
    for name in (*reports[0].comparisons, "ms/query", "docs/s"):
        table.add_column(name, justify="right", no_wrap=True)
    base = [f"{comparison.before:.4f}" for comparison in reports[0].comparisons.values()]
    table.add_row(Text("first stage", style="dim"), *base, "", "")
    for report in reports:
        values = [f"{comparison.after:.4f}{_asterisk(comparison)}" for comparison in report.comparisons.values()]
        table.add_row(Text(report.model), *values, f"{report.ms_per_query:.1f}", f"{report.documents_per_second:.0f}")
    return table


def _asterisk(comparison: "Comparison") -> str:
    is_significant = comparison.p_value is not None and comparison.p_value < _SIGNIFICANT
    return "*" if is_significant else " "


def _evaluate_run(
    collection: "Collection",
    run: Path | None,
    names: Sequence[str],
    load: Callable[[str], "CrossEncoder"],
    *,
    measures: Sequence[str],
    depth: int,
    output: Path | None,
) -> list["Report"]:
    from secondpass.evaluation import BM25, read_run, report, rerank, write_run
    from secondpass.evaluation.file_names import file_names
    from secondpass.evaluation.measures import deepest_cutoff
    from secondpass.evaluation.reranking import check_ids

    asked = {query: text for query, text in collection.queries.items() if query in collection.qrels}
    if output is not None:
        check_ids(asked)
        check_ids(collection.documents)
    if run is None:
        first = BM25(collection.documents).run(asked, max(depth, _FIRST_STAGE_DEPTH, deepest_cutoff(measures)))
    else:
        first = read_run(run)
    reports = []
    for name, file_name in zip(names, file_names(names), strict=True):
        scorer = load(name)
        progress_file = None if output is None else output / f"{file_name}.progress.jsonl"
        with progress_bar(name) as progress:
            scored = rerank(
                scorer,
                collection,
                first,
                depth=depth,
                progress_file=progress_file,
                name=scorer.fingerprint(),
                progress=progress,
            )
        if output is not None:
            write_run(output / f"{file_name}.trec", scored, depth=depth, tag=file_name)
        reports.append(report(name, collection, first, scored, measures=measures, depth=depth))
    return reports
