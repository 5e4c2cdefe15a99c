"""`secondpass eval` on collections: a first stage, re-ranked by each model and measured before and after."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from secondpass.cli.eval.abstention import abstention_table
from secondpass.cli.eval.entrants import Entrant
from secondpass.cli.eval.tables import (
    card_table,
    cascade_table,
    comparison_table,
    depth_table,
    report_table,
    ways_table,
)
from secondpass.cli.eval.task import Result, Settings, Task
from secondpass.cli.output import write, write_json_file, write_text_file
from secondpass.cli.sheets import Sheet
from secondpass.cli.streams import naming
from secondpass.quantities import count

if TYPE_CHECKING:
    from secondpass.evaluation import Collection, Report


def evaluate_collections(
    collections: "Mapping[str, Collection]", entrants: Sequence[Entrant], settings: Settings
) -> None:
    """Evaluate models on collections and write what came out.

    Args:
        collections: By their names.
        entrants: The models, and cascades of them.
        settings: What is measured, and where it goes.
    """
    several = len(collections) > 1
    folders = _folders(settings.output, list(collections))
    tasks = [Task.prepare(name, collection, folders[name], settings) for name, collection in collections.items()]
    results: dict[str, dict[str, Result]] = {}
    for entrant, (_, file_name) in zip(entrants, _with_file_names([e.name for e in entrants]), strict=True):
        scorer = entrant.load()
        earlier = {} if entrant.rereads is None else results[entrant.rereads]
        results[entrant.name] = {
            task.name: task.evaluate(scorer, entrant, file_name, settings, earlier.get(task.name)) for task in tasks
        }
    by_collection = {task.name: [results[entrant.name][task.name] for entrant in entrants] for task in tasks}
    last_model = sum(not entrant.is_cascade for entrant in entrants) - 1
    rows = [
        {"collection": name, "long_documents": entrant.options.long_documents}
        | result.as_json()
        | (_against(result.report, of_name[last_model].report) if entrant.is_cascade else {})
        for name, of_name in by_collection.items()
        for entrant, result in zip(entrants, of_name, strict=True)
    ]
    if settings.output is not None:
        write_json_file(settings.output / "report.json", rows)
    if several:
        reports = {model: {name: r.report for name, r in of_model.items()} for model, of_model in results.items()}
        sheets = [_card(reports, settings)]
        if settings.output is not None:
            write_text_file(settings.output / "card.md", sheets[0].markdown() + "\n")
    else:
        ((name, of_name),) = by_collection.items()
        sheets = _sheets(name, entrants, of_name)
        if any(entrant.is_cascade for entrant in entrants):
            sheets.append(cascade_table([result.report for result in of_name], of_name[last_model].report))
        if settings.score_threshold is not None:
            (task,) = tasks
            is_calibrated = any(entrant.calibrations for entrant in entrants)
            sheets.append(
                abstention_table([result.report for result in of_name], calibrated=is_calibrated, note=task.note)
            )
    _write_pictures(folders, {name: [result.report for result in of_name] for name, of_name in by_collection.items()})
    write(settings.format, rows, sheets)


def _sheets(collection: str, entrants: Sequence[Entrant], results: Sequence[Result]) -> list[Sheet]:
    """Each model by itself, then all of them side by side, then windows against truncation."""
    reports = [result.report for result in results]
    sheets = [
        sheet
        for entrant, report in zip(entrants, reports, strict=True)
        for sheet in (report_table(report, collection), *([] if entrant.is_cascade else [depth_table(report)]))
    ]
    if len(reports) > 1:
        sheets.append(comparison_table(reports))
    return sheets + [
        ways_table(result.against_truncation) for result in results if result.against_truncation is not None
    ]


def _against(report: "Report", last: "Report") -> dict[str, object]:
    """What a cascade's row of JSON says more: how it compares with the model that decides in it."""
    comparison = report.compare_with(last)
    return {
        "against": {
            "model": last.model,
            "difference": comparison.difference,
            **asdict(comparison),
            "time_share": report.seconds / last.seconds if last.seconds else None,
        }
    }


def _folders(output: Path | None, names: Sequence[str]) -> dict[str, Path | None]:
    """Where each collection's files go: into the folder itself where there is only one."""
    if output is None or len(names) == 1:
        return dict.fromkeys(names, output)
    return {name: output / file_name for name, file_name in _with_file_names(names)}


def _with_file_names(names: Sequence[str]) -> list[tuple[str, str]]:
    from secondpass.evaluation.file_names import file_names

    return list(zip(names, file_names(names), strict=True))


def _write_pictures(folders: Mapping[str, Path | None], by_collection: "Mapping[str, Sequence[Report]]") -> None:
    from secondpass.evaluation import write_plots

    for name, reports in by_collection.items():
        folder = folders[name]
        if folder is not None:
            with naming(folder):
                write_plots(folder, reports, collection=name)


def _card(by_model: "Mapping[str, Mapping[str, Report]]", settings: Settings) -> Sheet:
    """All collections in one table, with what each model made of the first stage."""
    any_model = next(iter(by_model.values()))
    first = {
        name: {measure: comparison.before for measure, comparison in report.comparisons.items()}
        for name, report in any_model.items()
    }
    reranked = {
        (model if len(by_model) > 1 else ""): {
            name: {measure: comparison.after for measure, comparison in report.comparisons.items()}
            for name, report in reports.items()
        }
        for model, reports in by_model.items()
    }
    title = f"{' and '.join(by_model)}, re-ranking BM25's top {settings.depth}"
    candidates = [report.candidates for report in any_model.values()]
    fewer = [
        f"{name} has {count(n, 'candidate')} per query"
        for name, n in zip(any_model, candidates, strict=True)
        if round(n, 1) < settings.depth
    ]
    return card_table(title, {"BM25": first} | reranked, "; ".join(["in percent", *fewer]))
