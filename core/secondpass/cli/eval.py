"""`secondpass eval`: does re-ranking help on my data, how much, and at what price."""

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from secondpass.cli.options import DEFAULT_MODEL, Device, DType, Json, MaxLength, load_quietly
from secondpass.errors import InputError
from secondpass.ranking import check_top_k

if TYPE_CHECKING:
    from secondpass.evaluation import Collection, Report, RerankingSample, SetResult
    from secondpass.ranking import Scorer

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
    depth: Annotated[int, typer.Option(help="Candidates re-ranked a query.")] = 100,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder for runs, JSON and pictures; also continues an interrupted run."),
    ] = None,
    json_: Json = False,
    device: Device = None,
    dtype: DType = None,
    max_length: MaxLength = None,
) -> None:
    """Re-rank a first stage and measure it: quality before and after, significance, speed, and how deep it pays."""
    check_top_k(depth, "depth")

    def load(name: str) -> "Scorer":
        return load_quietly(name, device=device, dtype=dtype, max_length=max_length)

    names = model or [DEFAULT_MODEL]
    if len(set(names)) < len(names):
        raise InputError(f"--model must name different models, got {', '.join(names)}")
    if data.is_file():
        _evaluate_set(data, names, load, as_json=json_)
        return
    from secondpass.evaluation import DEFAULT_MEASURES, read_collection
    from secondpass.evaluation.measures import check_measures

    measures = tuple(measure or DEFAULT_MEASURES)
    check_measures(measures)
    collection = read_collection(data, queries=queries, corpus=corpus, qrels=qrels)
    reports = _evaluate_run(collection, run, names, load, measures=measures, depth=depth, output=output)
    if output is not None:
        from secondpass.evaluation import write_plots

        write_plots(output, reports)
        content = json.dumps([report.as_json() for report in reports], indent=2)
        (output / "report.json").write_text(content + "\n", encoding="utf-8")
    if json_ or not sys.stdout.isatty():
        typer.echo(json.dumps([report.as_json() for report in reports], indent=2))
    else:
        for report in reports:
            Console().print(report_table(report))
        if len(reports) > 1:
            Console().print(comparison_table(reports))


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
    load: Callable[[str], "Scorer"],
    *,
    measures: Sequence[str],
    depth: int,
    output: Path | None,
) -> list["Report"]:
    from secondpass.evaluation import BM25, read_run, report, rerank, write_run
    from secondpass.evaluation.plots import file_name

    asked = {query: text for query, text in collection.queries.items() if query in collection.qrels}
    first = BM25(collection.documents).run(asked, max(depth, 100)) if run is None else read_run(run)
    reports = []
    for name in names:
        kept = None if output is None else output / f"{file_name(name)}.progress.jsonl"
        with _bar(name) as told:
            scored = rerank(load(name), collection, first, depth=depth, progress_file=kept, name=name, progress=told)
        if output is not None:
            write_run(output / f"{file_name(name)}.trec", scored, depth=depth, tag=file_name(name))
        reports.append(report(name, collection, first, scored, measures=measures, depth=depth))
    return reports


def _evaluate_set(path: Path, names: Sequence[str], load: Callable[[str], "Scorer"], *, as_json: bool) -> None:
    from secondpass.evaluation import evaluate_samples, read_samples

    samples = read_samples(path)
    results: dict[str, tuple[SetResult, float]] = {}
    for name in names:
        scorer = load(name)
        with _bar(name) as told:
            started = time.perf_counter()
            results[name] = evaluate_samples(scorer, _told(samples, told)), time.perf_counter() - started
    if as_json or not sys.stdout.isatty():
        typer.echo(json.dumps([_set_row(name, *found) for name, found in results.items()], indent=2))
        return
    table = Table(title=f"{path.name}: {len(samples)} queries")
    table.add_column("model")
    for column in ("map", "mrr@10", "ndcg@10", "ms/query"):
        table.add_column(column, justify="right", no_wrap=True)
    for name, (result, seconds) in results.items():
        if result.base is not None and name == names[0]:
            given = result.base
            table.add_row("given order", f"{given.map:.4f}", f"{given.mrr:.4f}", f"{given.ndcg:.4f}", "")
        found, ms = result.reranked, 1000 * seconds / max(result.n_queries, 1)
        table.add_row(Text(name), f"{found.map:.4f}", f"{found.mrr:.4f}", f"{found.ndcg:.4f}", f"{ms:.1f}")
    Console().print(table)


def _set_row(name: str, result: "SetResult", seconds: float) -> dict[str, object]:
    row: dict[str, object] = {"model": name, "n_queries": result.n_queries, "seconds": round(seconds, 3)}
    for prefix, figures in (("", result.reranked), ("base_", result.base)):
        if figures is not None:
            row |= {f"{prefix}map": figures.map, f"{prefix}mrr@10": figures.mrr, f"{prefix}ndcg@10": figures.ndcg}
    return row


def _told(samples: Sequence["RerankingSample"], progress: Callable[[int, int], None]) -> Iterator["RerankingSample"]:
    for place, sample in enumerate(samples, 1):
        yield sample
        progress(place, len(samples))


@contextmanager
def _bar(name: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on standard error, so that what is piped stays clean."""
    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
