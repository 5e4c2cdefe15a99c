"""`secondpass eval`: does re-ranking help on my data, how much, and at what price."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from secondpass.cli.eval_set import evaluate_set
from secondpass.cli.options import DEFAULT_MODEL, Device, DType, Json, MaxLength, find_models, load_quietly
from secondpass.cli.output import progress_bar, show
from secondpass.errors import InputError
from secondpass.ranking.checks import check_top_k

if TYPE_CHECKING:
    from secondpass import CrossEncoder
    from secondpass.evaluation import Collection, Report

_SIGNIFICANT = 0.05

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
        typer.Option(help="An ir_measures name; the first is drawn.", show_default="nDCG@10, RR@10, AP, R@100"),
    ] = None,
    depth: Annotated[int | None, typer.Option(help="Candidates re-ranked a query.", show_default="100")] = None,
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
    check_top_k(depth, "depth")

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
        given = [option for option, value in collection_only.items() if value is not None]
        if given:
            raise InputError(f"{', '.join(given)} must come with a folder; {data} is the file of a re-ranking set")
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
    depth = 100 if depth is None else depth
    reports = _evaluate_run(collection, run, names, load, measures=measures, depth=depth, output=output)
    if output is not None:
        write_plots(output, reports)
    tables = [report_table(report) for report in reports]
    if len(reports) > 1:
        tables.append(comparison_table(reports))
    show([report.as_json() for report in reports], tables, output=output, as_json=json_)


def report_table(report: "Report") -> Table:
    """First stage and re-ranked run, a row a measure."""
    caption = (
        f"{report.documents_per_second:.0f} docs/s, {report.ms_per_query:.1f} ms a query of {report.depth} candidates"
    )
    table = Table(title=Text(report.model), caption=caption)
    for name in ("measure", "first stage", "re-ranked", "difference", "p", "helped", "hurt"):
        table.add_column(name, justify="left" if name == "measure" else "right", no_wrap=True)
    for name, one in report.comparisons.items():
        sure = one.p_value is not None and one.p_value < _SIGNIFICANT
        colour = "green" if one.difference > 0 else "red" if one.difference < 0 else ""
        table.add_row(
            name,
            f"{one.before:.4f}",
            f"{one.after:.4f}",
            Text(f"{one.difference:+.4f}{'*' if sure else ' '}", style=colour),
            "-" if one.p_value is None else f"{one.p_value:.3g}",
            str(one.helped),
            str(one.hurt),
        )
    for point in report.depths:
        table.add_row(f"at depth {point.depth}", "", f"{point.value:.4f}", "", "", "", f"{point.ms_per_query:.0f} ms")
    return table


def comparison_table(reports: Sequence["Report"]) -> Table:
    """Several models side by side."""
    table = Table(title="comparison; * differs from the first stage, p < 0.05")
    table.add_column("model")
    for name in (*reports[0].comparisons, "ms/query", "docs/s"):
        table.add_column(name, justify="right", no_wrap=True)
    base = [f"{one.before:.4f}" for one in reports[0].comparisons.values()]
    table.add_row(Text("first stage", style="dim"), *base, "", "")
    for report in reports:
        values = [
            f"{one.after:.4f}{'*' if one.p_value is not None and one.p_value < _SIGNIFICANT else ' '}"
            for one in report.comparisons.values()
        ]
        table.add_row(Text(report.model), *values, f"{report.ms_per_query:.1f}", f"{report.documents_per_second:.0f}")
    return table


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
    from secondpass.evaluation import BM25, measure_run, read_run, rerank, write_run
    from secondpass.evaluation.file_names import file_names
    from secondpass.evaluation.measures import deepest_cutoff
    from secondpass.evaluation.reranking import check_ids

    asked = {query: text for query, text in collection.queries.items() if query in collection.qrels}
    if output is not None:
        check_ids(asked)
        check_ids(collection.documents)
    if run is None:
        first = BM25(collection.documents).run(asked, max(depth, 100, deepest_cutoff(measures)))
    else:
        first = read_run(run)
    reports = []
    for name, file_name in zip(names, file_names(names), strict=True):
        scorer = load(name)
        kept = None if output is None else output / f"{file_name}.progress.jsonl"
        with progress_bar(name) as told:
            scored = rerank(
                scorer, collection, first, depth=depth, progress_file=kept, name=scorer.fingerprint(), progress=told
            )
        if output is not None:
            write_run(output / f"{file_name}.trec", scored, depth=depth, tag=file_name)
        reports.append(measure_run(name, collection, first, scored, measures=measures, depth=depth))
    return reports
