"""`secondpass eval` on collections: a first stage, re-ranked by each model and measured before and after."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from secondpass.cli.eval_tables import card_table, cascade_table, comparison_table, depth_table, report_table
from secondpass.cli.output import OutputFormat, progress_bar, write, write_json_file, write_text_file
from secondpass.cli.sheets import Sheet, count
from secondpass.cli.streams import naming

if TYPE_CHECKING:
    from secondpass import Cascade, CrossEncoder
    from secondpass.evaluation import Collection, Report

# Documents per query that BM25 retrieves at least, so that the first stage is the same at every smaller --depth.
_FIRST_STAGE_DEPTH = 100


@dataclass(frozen=True, slots=True)
class Settings:
    """What is measured, and where it goes.

    Args:
        measures: ir_measures names.
        depth: Candidates re-ranked per query.
        run: TREC run to re-rank; None takes BM25.
        output: Folder for runs, JSON and pictures; each of several collections gets one of its own in it.
        format: What is written to standard output.
        keeps: What goes on from stage to stage in each cascade of the models, in their order; none without cascades.
    """

    measures: Sequence[str]
    depth: int
    run: Path | None
    output: Path | None
    format: OutputFormat
    keeps: Sequence[Sequence[float]] = ()


def evaluate_collections(
    collections: "Mapping[str, Collection]",
    names: Sequence[str],
    load: "Callable[[str], CrossEncoder]",
    settings: Settings,
) -> None:
    """Evaluate models on collections and write what came out.

    Args:
        collections: By their names.
        names: Those of the models.
        load: Loads the model of a name.
        settings: What is measured, and where it goes.
    """
    several = len(collections) > 1
    folders = _folders(settings.output, list(collections))
    tasks = [_Task.prepare(name, collection, folders[name], settings) for name, collection in collections.items()]
    cascades = {"-".join(["cascade-keep", *map(str, keep)]): keep for keep in settings.keeps}
    by_model: dict[str, dict[str, Report]] = {}
    for model, file_name in _with_file_names([*names, *cascades]):
        scorer = _cascade(names, load, cascades[model]) if model in cascades else load(model)
        by_model[model] = {task.name: task.evaluate(scorer, model, file_name, settings) for task in tasks}
    by_collection = {task.name: [by_model[model][task.name] for model in by_model] for task in tasks}
    _write_pictures(folders, by_collection)
    rows = [
        {"collection": name} | report.as_json() | _against(report, reports[len(names) - 1], cascades)
        for name, reports in by_collection.items()
        for report in reports
    ]
    if settings.output is not None:
        write_json_file(settings.output / "report.json", rows)
    if several:
        sheets = [_card(by_model, settings)]
        if settings.output is not None:
            write_text_file(settings.output / "card.md", sheets[0].markdown() + "\n")
    else:
        ((name, reports),) = by_collection.items()
        sheets = [
            sheet
            for report in reports
            for sheet in (report_table(report, name), *([] if report.model in cascades else [depth_table(report)]))
        ]
        if len(reports) > 1:
            sheets.append(comparison_table(reports))
        if cascades:
            sheets.append(cascade_table(reports, reports[len(names) - 1]))
    write(settings.format, rows, sheets)


@dataclass(frozen=True, slots=True)
class _Task:
    """A collection with its first stage, and the folder for what comes of it."""

    name: str
    collection: "Collection"
    first: Mapping[str, Mapping[str, float]]
    folder: Path | None

    @classmethod
    def prepare(cls, name: str, collection: "Collection", folder: Path | None, settings: Settings) -> "_Task":
        from secondpass.evaluation import BM25, read_run
        from secondpass.evaluation.measures import deepest_cutoff
        from secondpass.evaluation.reranking import check_ids

        asked = {query: text for query, text in collection.queries.items() if query in collection.qrels}
        if folder is not None:
            check_ids(asked)
        first: Mapping[str, Mapping[str, float]]
        if settings.run is not None:
            first = read_run(settings.run)
        else:
            depth = max(settings.depth, _FIRST_STAGE_DEPTH, deepest_cutoff(settings.measures))
            first = BM25(collection.documents).run(asked, depth)
        if folder is not None:
            check_ids(document for query in asked for document in first.get(query, {}))
        return cls(name, collection, first, folder)

    def evaluate(self, scorer: "CrossEncoder | Cascade", model: str, file_name: str, settings: Settings) -> "Report":
        """Re-rank with one model, keeping its progress and its run in the folder."""
        from secondpass import Cascade
        from secondpass.evaluation import report, rerank, write_run
        from secondpass.evaluation.report import DEPTHS

        depth = settings.depth
        progress_file = None if self.folder is None else self.folder / f"{file_name}.progress.jsonl"
        with progress_bar(f"{model}, {self.name}") as progress, naming(progress_file or "a file"):
            scored = rerank(
                scorer,
                self.collection,
                self.first,
                depth=depth,
                progress_file=progress_file,
                name=scorer.fingerprint(),
                progress=progress,
            )
        if self.folder is not None:
            run_file = self.folder / f"{file_name}.trec"
            with naming(run_file):
                write_run(run_file, scored, depth=depth, tag=file_name)
        return report(
            model,
            self.collection,
            self.first,
            scored,
            measures=settings.measures,
            depth=depth,
            smaller_depths=() if isinstance(scorer, Cascade) else DEPTHS,
        )


def _cascade(names: Sequence[str], load: "Callable[[str], CrossEncoder]", keep: Sequence[float]) -> "Cascade":
    """The models in a row, in their order."""
    from secondpass import Cascade

    return Cascade([load(name) for name in names], keep=keep[0] if len(keep) == 1 else keep)


def _against(report: "Report", last: "Report", cascades: Mapping[str, object]) -> dict[str, object]:
    """What a cascade's row of JSON says more: how it compares with the model that decides in it."""
    if report.model not in cascades:
        return {}
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
