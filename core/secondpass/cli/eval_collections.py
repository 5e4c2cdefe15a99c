"""`secondpass eval` on collections: a first stage, re-ranked by each model and measured before and after."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from secondpass.cli.eval_abstention import abstention_table
from secondpass.cli.eval_tables import card_table, cascade_table, comparison_table, depth_table, report_table
from secondpass.cli.output import OutputFormat, progress_bar, write, write_json_file, write_text_file
from secondpass.cli.sheets import Sheet, count
from secondpass.cli.streams import naming

if TYPE_CHECKING:
    from secondpass import Calibration, Cascade, CrossEncoder, Scorer
    from secondpass.evaluation import Collection, Report, ScoredQuery

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
        score_threshold: What it keeps is counted; None counts nothing.
        unanswerable: Texts by id of queries that are known to have no answer in the only collection.
        calibrations: What makes probabilities of the models' logits, by model: all of them have one, or none.
    """

    measures: Sequence[str]
    depth: int
    run: Path | None
    output: Path | None
    format: OutputFormat
    keeps: Sequence[Sequence[float]] = ()
    score_threshold: float | None = None
    unanswerable: Mapping[str, str] = field(default_factory=dict)
    calibrations: "Mapping[str, Calibration]" = field(default_factory=dict)


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
        scorer = _cascade(names, load, cascades[model], settings.calibrations) if model in cascades else load(model)
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
        if settings.score_threshold is not None:
            (task,) = tasks
            sheets.append(abstention_table(reports, calibrated=bool(settings.calibrations), note=task.note))
    write(settings.format, rows, sheets)


@dataclass(frozen=True, slots=True)
class _Task:
    """A collection with its first stage, and the folder for what comes of it.

    Args:
        name: The collection's.
        collection: What is measured.
        first: The first stage, that of the unanswerable queries included.
        folder: Where files go; None writes none.
        unanswerable_documents: The candidates of the unanswerable queries: texts by id, perhaps with others.
        note: What is to be known of where those candidates are from.
    """

    name: str
    collection: "Collection"
    first: Mapping[str, Mapping[str, float]]
    folder: Path | None
    unanswerable_documents: Mapping[str, str] = field(default_factory=dict)
    note: str = ""

    @classmethod
    def prepare(cls, name: str, collection: "Collection", folder: Path | None, settings: Settings) -> "_Task":
        from secondpass.evaluation import BM25, read_run
        from secondpass.evaluation.measures import deepest_cutoff
        from secondpass.evaluation.reranking import check_ids
        from secondpass.evaluation.streamed import texts_of

        asked = {query: text for query, text in collection.queries.items() if query in collection.qrels}
        if folder is not None:
            check_ids(asked)
        first: dict[str, dict[str, float]] = {} if settings.run is None else read_run(settings.run)
        to_search = asked if settings.run is None else {}
        note = ""
        if not any(query in first for query in settings.unanswerable):
            to_search = {**to_search, **settings.unanswerable}
            if settings.run is not None and settings.unanswerable:
                note = "candidates of the unanswerable queries: BM25's, for the run ranks none of these queries"
        if to_search:
            depth = max(settings.depth, _FIRST_STAGE_DEPTH, deepest_cutoff(settings.measures))
            first |= BM25(collection.documents).run(to_search, depth)
        if folder is not None:
            check_ids(document for query in asked for document in first.get(query, {}))
        # Held beside the others: a streamed corpus would be read twice per model.
        unanswered = {document for query in settings.unanswerable for document in first.get(query, {})}
        return cls(name, collection, first, folder, texts_of(collection.documents, unanswered), note)

    def evaluate(self, scorer: "CrossEncoder | Cascade", model: str, file_name: str, settings: Settings) -> "Report":
        """Re-rank with one model, keeping its progress and its run in the folder."""
        from secondpass.evaluation import measure_abstention, report, rerank, write_run
        from secondpass.evaluation.report import DEPTHS
        from secondpass.ranking import is_pointwise

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
        measured = report(
            model,
            self.collection,
            self.first,
            scored,
            measures=settings.measures,
            depth=depth,
            smaller_depths=DEPTHS if is_pointwise(scorer) else (),
        )
        if settings.score_threshold is None:
            return measured
        abstention = measure_abstention(
            self.collection,
            scored,
            settings.score_threshold,
            unanswerable=self._score_unanswerable(scorer, model, file_name, settings),
            score_map=settings.calibrations.get(model),  # a cascade has its stages calibrated
        )
        return replace(measured, abstention=abstention)

    def _score_unanswerable(
        self, scorer: "CrossEncoder | Cascade", model: str, file_name: str, settings: Settings
    ) -> "list[ScoredQuery] | None":
        """The candidates of the queries that nothing answers, scored; None where there are no such queries."""
        from secondpass.evaluation import score_run

        if not settings.unanswerable:
            return None
        progress_file = None if self.folder is None else self.folder / f"{file_name}.unanswerable.jsonl"
        with progress_bar(f"{model}, unanswerable") as progress, naming(progress_file or "a file"):
            return score_run(
                scorer,
                settings.unanswerable,
                self.unanswerable_documents,
                self.first,
                depth=settings.depth,
                progress_file=progress_file,
                name=scorer.fingerprint(),
                progress=progress,
            )


def _cascade(
    names: Sequence[str],
    load: "Callable[[str], CrossEncoder]",
    keep: Sequence[float],
    calibrations: "Mapping[str, Calibration]",
) -> "Cascade":
    """The models in a row, in their order, calibrated where they can be."""
    from secondpass import Calibrated, Cascade

    stages: list[Scorer] = [
        Calibrated(load(name), calibrations[name]) if calibrations else load(name) for name in names
    ]
    return Cascade(stages, keep=keep[0] if len(keep) == 1 else keep)


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
