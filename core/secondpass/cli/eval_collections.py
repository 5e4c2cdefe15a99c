"""`secondpass eval` on collections: a first stage, re-ranked by each model and measured before and after."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from secondpass.cli.eval_entrants import Entrant
from secondpass.cli.eval_tables import (
    card_table,
    cascade_table,
    comparison_table,
    depth_table,
    report_table,
    ways_table,
)
from secondpass.cli.output import OutputFormat, progress_bar, write, write_json_file, write_text_file
from secondpass.cli.sheets import Sheet, count
from secondpass.cli.streams import naming

if TYPE_CHECKING:
    from secondpass import Cascade, CrossEncoder
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
    """

    measures: Sequence[str]
    depth: int
    run: Path | None
    output: Path | None
    format: OutputFormat


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
    tasks = [_Task.prepare(name, collection, folders[name], settings) for name, collection in collections.items()]
    results: dict[str, dict[str, _Result]] = {}
    for entrant, (_, file_name) in zip(entrants, _with_file_names([e.name for e in entrants]), strict=True):
        scorer = entrant.load()
        earlier = {} if entrant.rereads is None else results[entrant.rereads]
        results[entrant.name] = {
            task.name: task.evaluate(scorer, entrant, file_name, settings, earlier.get(task.name)) for task in tasks
        }
    by_collection = {task.name: [results[entrant.name][task.name] for entrant in entrants] for task in tasks}
    _write_pictures(folders, {name: [result.report for result in of_name] for name, of_name in by_collection.items()})
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
        sheets = _sheets(name, of_name)
        if any(entrant.is_cascade for entrant in entrants):
            sheets.append(cascade_table([result.report for result in of_name], of_name[last_model].report))
    write(settings.format, rows, sheets)


@dataclass(frozen=True, slots=True)
class _Result:
    """What a model made of a collection.

    Args:
        scored: Its scores.
        report: Their measures, against the first stage.
        against_truncation: The same against itself with documents truncated, where that was asked for.
    """

    scored: "Sequence[ScoredQuery]"
    report: "Report"
    against_truncation: "Report | None"

    def as_json(self) -> dict[str, object]:
        row = self.report.as_json()
        if self.against_truncation is not None:
            row["against_truncation"] = self.against_truncation.as_json()["measures"]
        return row


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

    def evaluate(
        self,
        scorer: "CrossEncoder | Cascade",
        entrant: Entrant,
        file_name: str,
        settings: Settings,
        truncated: _Result | None,
    ) -> _Result:
        """Re-rank with one model, keeping its progress and its run in the folder.

        Args:
            scorer: What scores for the entrant.
            entrant: Who takes part.
            file_name: What its files are called.
            settings: What is measured.
            truncated: What it made of the collection with documents truncated, where only those are to be read again.
        """
        from secondpass.evaluation import report, rerank, reread, write_run
        from secondpass.evaluation.report import DEPTHS
        from secondpass.evaluation.reranking import as_run

        name, depth = entrant.name, settings.depth
        progress_file = None if self.folder is None else self.folder / f"{file_name}.progress.jsonl"
        with progress_bar(f"{name}, {self.name}") as progress, naming(progress_file or "a file"):
            fingerprint = scorer.fingerprint()
            if truncated is None:
                scored = rerank(
                    scorer,
                    self.collection,
                    self.first,
                    depth=depth,
                    progress_file=progress_file,
                    name=fingerprint,
                    progress=progress,
                )
            else:
                scored = reread(
                    scorer,
                    self.collection,
                    truncated.scored,
                    progress_file=progress_file,
                    name=fingerprint,
                    progress=progress,
                )
        if self.folder is not None:
            run_file = self.folder / f"{file_name}.trec"
            with naming(run_file):
                write_run(run_file, scored, depth=depth, tag=file_name)
        measures = settings.measures
        against = None
        if truncated is not None:
            before = as_run(truncated.scored, depth=depth)
            against = report(name, self.collection, before, scored, measures=measures, depth=depth)
        of_first = report(
            name,
            self.collection,
            self.first,
            scored,
            measures=measures,
            depth=depth,
            smaller_depths=() if entrant.is_cascade else DEPTHS,
        )
        return _Result(scored, of_first, against)


def _sheets(collection: str, results: Sequence[_Result]) -> list[Sheet]:
    """Each model by itself, then all of them side by side, then windows against truncation."""
    reports = [result.report for result in results]
    sheets = [
        sheet
        for report in reports
        for sheet in (report_table(report, collection), *([depth_table(report)] if report.depths else []))
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
