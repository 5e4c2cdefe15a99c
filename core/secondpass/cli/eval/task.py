"""One collection in `secondpass eval`: its first stage, re-ranked by each entrant and measured before and after."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from secondpass.cli.eval.entrants import Entrant
from secondpass.cli.output import OutputFormat, progress_bar
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
        score_threshold: What it keeps is counted; None counts nothing.
        unanswerable: Texts by id of queries that are known to have no answer in the only collection.
    """

    measures: Sequence[str]
    depth: int
    run: Path | None
    output: Path | None
    format: OutputFormat
    score_threshold: float | None = None
    unanswerable: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
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
        """The report as JSON holds it, with the measures against truncation."""
        row = self.report.as_json()
        if self.against_truncation is not None:
            row["against_truncation"] = self.against_truncation.as_json()["measures"]
        return row


@dataclass(frozen=True, slots=True)
class Task:
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
    def prepare(cls, name: str, collection: "Collection", folder: Path | None, settings: Settings) -> "Task":
        """Read the first stage, or search for it."""
        from secondpass.evaluation import BM25, read_run
        from secondpass.evaluation.measures import check_grades, deepest_cutoff
        from secondpass.evaluation.streamed import texts_of
        from secondpass.ir_files.runs import check_ids

        asked = collection.judged
        check_grades(settings.measures, {query: collection.qrels[query] for query in asked})
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

    def evaluate(
        self,
        scorer: "CrossEncoder | Cascade",
        entrant: Entrant,
        file_name: str,
        settings: Settings,
        truncated: Result | None,
    ) -> Result:
        """Re-rank with one model, keeping its progress and its run in the folder.

        Args:
            scorer: What scores for the entrant.
            entrant: Who takes part.
            file_name: What its files are called.
            settings: What is measured.
            truncated: What it made of the collection with documents truncated, where only those are to be read again.
        """
        from secondpass.evaluation import measure_abstention, report, rerank, reread, write_run
        from secondpass.evaluation.report import DEPTHS
        from secondpass.evaluation.reranking import as_run

        name, depth = entrant.name, settings.depth
        progress_file = None if self.folder is None else self.folder / f"{file_name}.progress.jsonl"
        with progress_bar(f"{name}, {self.name}") as progress, naming(progress_file or "a file"):
            if truncated is None:
                scored = rerank(
                    scorer,
                    self.collection,
                    self.first,
                    depth=depth,
                    progress_file=progress_file,
                    progress=progress,
                )
            else:
                scored = reread(
                    scorer,
                    self.collection,
                    truncated.scored,
                    progress_file=progress_file,
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
        if settings.score_threshold is not None:
            abstention = measure_abstention(
                self.collection,
                scored,
                settings.score_threshold,
                unanswerable=self._score_unanswerable(scorer, name, file_name, settings),
                score_map=entrant.score_map,
            )
            of_first = replace(of_first, abstention=abstention)
        return Result(scored, of_first, against)

    def _score_unanswerable(
        self, scorer: "CrossEncoder | Cascade", name: str, file_name: str, settings: Settings
    ) -> "list[ScoredQuery] | None":
        """The candidates of the queries that nothing answers, scored; None where there are no such queries."""
        from secondpass.evaluation import score_run

        if not settings.unanswerable:
            return None
        progress_file = None if self.folder is None else self.folder / f"{file_name}.unanswerable.jsonl"
        with progress_bar(f"{name}, unanswerable") as progress, naming(progress_file or "a file"):
            return score_run(
                scorer,
                settings.unanswerable,
                self.unanswerable_documents,
                self.first,
                depth=settings.depth,
                progress_file=progress_file,
                progress=progress,
            )
