"""`secondpass eval` on re-ranking sets: the figures of model cards."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from secondpass.cli.eval.tables import card_table
from secondpass.cli.loading import find_models, load_quietly
from secondpass.cli.output import OutputFormat, progress_bar, write, write_json_file, write_text_file
from secondpass.cli.sheets import Column, Kind, Row, Sheet
from secondpass.cli.streams import naming
from secondpass.options import ModelOptions
from secondpass.quantities import count

if TYPE_CHECKING:
    from secondpass import CrossEncoder
    from secondpass.evaluation import RerankingSample, SetMetrics, SetResult


def evaluate_sets(
    paths: Sequence[Path],
    names: Sequence[str],
    options: ModelOptions,
    *,
    output: Path | None,
    format_: OutputFormat,
) -> None:
    """Evaluate models on re-ranking sets and write the figures.

    Args:
        paths: JSONL of each set.
        names: Names of the models.
        options: How they are loaded.
        output: Folder for JSON, and for progress, from which an interrupted evaluation continues.
        format_: What is written to standard output.
    """
    from secondpass.evaluation import read_samples
    from secondpass.evaluation.file_names import file_names

    titles = (
        [path.name for path in paths] if len({path.name for path in paths}) == len(paths) else list(map(str, paths))
    )
    sets = {title: read_samples(path) for title, path in zip(titles, paths, strict=True)}
    find_models(names, options)
    folders: dict[str, Path | None] = dict.fromkeys(titles, output)
    if output is not None and len(titles) > 1:
        folders = {title: output / name for title, name in zip(titles, file_names(titles), strict=True)}
    by_model: dict[str, dict[str, SetResult]] = {}
    for model, file_name in zip(names, file_names(names), strict=True):
        scorer = load_quietly(model, options)
        by_model[model] = {
            title: _evaluate(scorer, model, title, samples, folders[title], file_name)
            for title, samples in sets.items()
        }
    by_set = {title: {model: by_model[model][title] for model in names} for title in titles}
    rows = [
        {"set": title} | _row(name, result) for title, results in by_set.items() for name, result in results.items()
    ]
    sheets = [set_table(title, results) for title, results in by_set.items()]
    if len(by_set) > 1:
        sheets = [_card(by_model)]
    if output is not None:
        write_json_file(output / "report.json", rows)
        if len(by_set) > 1:
            write_text_file(output / "card.md", sheets[0].markdown() + "\n")
    write(format_, rows, sheets)


def set_table(title: str, results: "Mapping[str, SetResult]") -> Sheet:
    """One row per model, below that of the given order where there is one."""
    first = next(iter(results.values()))
    rows = [] if first.base is None else [Row(("given order", *_figures(first.base), ""))]
    for name, result in results.items():
        ms = 1000 * result.seconds / max(result.n_scored, 1)
        rows.append(Row((name, *_figures(result.reranked), f"{ms:.1f}")))
    columns = (Column("model", Kind.NAME), *map(Column, ("map", "mrr@10", "ndcg@10", "ms/query")))
    truncated = [
        f"{name}: {result.n_truncated} of {count(result.n_documents, 'document')} truncated"
        for name, result in results.items()
        if result.n_truncated
    ]
    return Sheet(f"{title}: {count(first.n_queries, 'query', 'queries')}", columns, rows, "; ".join(truncated))


def _evaluate(
    scorer: "CrossEncoder",
    model: str,
    title: str,
    samples: "Sequence[RerankingSample]",
    folder: Path | None,
    file_name: str,
) -> "SetResult":
    from secondpass.evaluation import evaluate_samples

    progress_file = None if folder is None else folder / f"{file_name}.progress.jsonl"
    with progress_bar(f"{model}, {title}") as progress, naming(progress_file or "a file"):
        return evaluate_samples(scorer, samples, progress_file=progress_file, progress=progress)


def _card(by_model: "Mapping[str, Mapping[str, SetResult]]") -> Sheet:
    """All sets in one table."""
    systems = {
        (model if len(by_model) > 1 else ""): {title: result.reranked.by_name() for title, result in results.items()}
        for model, results in by_model.items()
    }
    return card_table(" and ".join(by_model), systems, "in percent")


def _figures(figures: "SetMetrics") -> tuple[str, ...]:
    return tuple(f"{value:.4f}" for value in figures.by_name().values())


def _row(name: str, result: "SetResult") -> dict[str, object]:
    row: dict[str, object] = {"model": name, "n_queries": result.n_queries, "seconds": round(result.seconds, 3)}
    row |= {"n_documents": result.n_documents, "n_truncated": result.n_truncated}
    for prefix, figures in (("", result.reranked), ("base_", result.base)):
        if figures is not None:
            row |= {f"{prefix}{measure}": value for measure, value in figures.by_name().items()}
    return row
