"""`secondpass eval` on re-ranking sets: the figures of model cards."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from secondpass.cli.loading import find_models
from secondpass.cli.output import progress_bar, show

if TYPE_CHECKING:
    from secondpass import CrossEncoder
    from secondpass.evaluation import SetResult


def evaluate_set(
    path: Path,
    names: Sequence[str],
    load: Callable[[str], "CrossEncoder"],
    *,
    output: Path | None = None,
    as_json: bool = False,
) -> None:
    """Evaluate models on one re-ranking set and show the figures.

    Args:
        path: JSONL of the set.
        names: Names of the models.
        load: Loads the model of a name.
        output: Folder for JSON, and for progress, from which an interrupted evaluation continues.
        as_json: Write JSON to a terminal, too.
    """
    from secondpass.evaluation import evaluate_samples, read_samples
    from secondpass.evaluation.file_names import file_names

    samples = read_samples(path)
    find_models(names)
    results: dict[str, SetResult] = {}
    for name, file_name in zip(names, file_names(names), strict=True):
        scorer = load(name)
        progress_file = None if output is None else output / f"{file_name}.progress.jsonl"
        with progress_bar(name) as progress:
            results[name] = evaluate_samples(
                scorer, samples, progress_file=progress_file, name=scorer.fingerprint(), progress=progress
            )
    rows = [_row(name, result) for name, result in results.items()]
    show(rows, [set_table(path.name, results)], output=output, as_json=as_json)


def set_table(title: str, results: "dict[str, SetResult]") -> Table:
    """One row per model, below that of the given order where there is one."""
    first = next(iter(results.values()))
    table = Table(title=Text(f"{title}: {first.n_queries} queries"))
    table.add_column("model")
    for column in ("map", "mrr@10", "ndcg@10", "ms/query"):
        table.add_column(column, justify="right", no_wrap=True)
    if first.base is not None:
        base = first.base
        table.add_row("given order", f"{base.map:.4f}", f"{base.mrr:.4f}", f"{base.ndcg:.4f}", "")
    for name, result in results.items():
        figures, ms = result.reranked, 1000 * result.seconds / result.n_queries
        table.add_row(Text(name), f"{figures.map:.4f}", f"{figures.mrr:.4f}", f"{figures.ndcg:.4f}", f"{ms:.1f}")
    return table


def _row(name: str, result: "SetResult") -> dict[str, object]:
    row: dict[str, object] = {"model": name, "n_queries": result.n_queries, "seconds": round(result.seconds, 3)}
    for prefix, figures in (("", result.reranked), ("base_", result.base)):
        if figures is not None:
            row |= {f"{prefix}map": figures.map, f"{prefix}mrr@10": figures.mrr, f"{prefix}ndcg@10": figures.ndcg}
    return row
