"""Re-ranking sets: one query, its positives, and the documents they compete with; JSON lines."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from secondpass.errors import InputError
from secondpass.evaluation.candidates import Candidates, CandidateScores, count_truncated
from secondpass.evaluation.card_metrics import Scores, SetMetrics, mean, set_metrics
from secondpass.evaluation.scoring import ProgressCallback, score_all
from secondpass.files.json_fields import Record, text_field, texts_field
from secondpass.files.json_lines import json_lines
from secondpass.ranking import Scorer


@dataclass(frozen=True, slots=True)
class RerankingSample:
    """One query of a re-ranking set.

    Args:
        query: The query's text.
        positives: The relevant documents.
        others: What they compete with: negatives, or a first stage's list (which may hold positives).
        ordered: Whether `others` is a first stage's list, whose own order can be measured.
    """

    query: str
    positives: tuple[str, ...]
    others: tuple[str, ...]
    ordered: bool = False

    @property
    def documents(self) -> tuple[str, ...]:
        """The documents to re-rank: all positives, then the rest."""
        if not self.ordered:
            return self.positives + self.others
        return self.positives + tuple(text for text in self.others if text not in self.positives)

    @property
    def relevant(self) -> tuple[bool, ...]:
        """Whether each of `documents` is a positive."""
        return tuple(index < len(self.positives) for index in range(len(self.documents)))


@dataclass(frozen=True, slots=True)
class SetResult:
    """A re-ranking set's figures.

    Args:
        n_queries: Number of all samples, those without positives included.
        reranked: The figures after re-ranking.
        base: The figures of the given order, where there is one.
        seconds: Wall-clock time of scoring.
        n_documents: Number of documents scored.
        n_truncated: How many of them were not read to their end, or had a query beside them that was not; None where
            nobody says.
        n_scored: Number of samples whose documents were scored: those with positives.
    """

    n_queries: int
    reranked: SetMetrics
    base: SetMetrics | None
    seconds: float = 0.0
    n_documents: int = 0
    n_truncated: int | None = None
    n_scored: int = 0


def read_samples(path: Path) -> list[RerankingSample]:
    """The samples of a JSONL file (gz too): `query`, `positive` and either `negative` or `documents`.

    Raises:
        InputError: A line is not such a sample, and the message names file and line; or there is none.
    """
    samples = [_sample(record, where) for where, record in json_lines(path)]
    if not samples:
        raise InputError(f"{path}: a re-ranking set must hold at least one sample, got none")
    return samples


def evaluate_samples(
    scorer: Scorer,
    samples: Iterable[RerankingSample],
    *,
    progress_file: Path | None = None,
    progress: ProgressCallback | None = None,
) -> SetResult:
    """Re-rank every sample and average.

    Queries without positives count as 0, as sentence-transformers counts them; a sample with one document or none is
    not an error here. The given order, where there is one, counts with missing positives appended.

    Args:
        scorer: Scores the documents.
        samples: The set.
        progress_file: JSON lines, one per finished sample; what it holds is not scored again. It is one model's, by its
            fingerprint, or by its class where it has none.
        progress: Called after each sample, with the number of samples done and of all.

    Raises:
        InputError: The progress is that of another job.
        ScoringError: The scorer gave NaN, or not one score per document.
    """
    numbered = {str(number): sample for number, sample in enumerate(samples, 1)}
    # Without positives no order changes the figures.
    candidates = {
        number: Candidates(sample.query, sample.documents if sample.positives else ())
        for number, sample in numbered.items()
    }
    results = score_all(scorer, candidates, progress_file=progress_file, progress=progress)
    reranked = [
        set_metrics(sample.relevant if sample.positives else (), _array(results[number]))
        for number, sample in numbered.items()
    ]
    base = [_given_order_metrics(sample) for sample in numbered.values() if sample.ordered]
    seconds = sum(result.seconds for result in results.values())
    n_documents = sum(len(result.scores) for result in results.values())
    return SetResult(
        len(reranked),
        mean(reranked),
        mean(base) if base else None,
        seconds,
        n_documents,
        count_truncated(results.values()),
        sum(bool(result.scores) for result in results.values()),
    )


def _array(result: CandidateScores) -> Scores:
    """Scores in the precision they came in, which decides how numpy's sort orders ties; places where a map may tie."""
    double = np.asarray(result.scores, dtype=np.float64)
    if result.raw_scores is not None:
        keys = list(zip(result.scores, result.raw_scores, strict=True))
        places = {key: place for place, key in enumerate(sorted(set(keys)))}
        double = np.array([places[key] for key in keys], np.float64)
    with np.errstate(over="ignore"):
        single = double.astype(np.float32)
    return single if (single == double).all() else double


def _given_order_metrics(sample: RerankingSample) -> SetMetrics:
    relevant = [text in sample.positives for text in sample.others]
    if not any(relevant):
        return set_metrics((), ())
    relevant += [True] * (len(sample.positives) - sum(relevant))
    return set_metrics(relevant, list(range(len(relevant), 0, -1)))


def _sample(record: Record, where: str) -> RerankingSample:
    query = text_field(record, "query", where)
    if ("negative" in record) == ("documents" in record):
        raise InputError(f"{where}: a sample must have exactly one of negative and documents, got {sorted(record)}")
    ordered = "documents" in record
    others = texts_field(record, "documents" if ordered else "negative", where)
    return RerankingSample(query, texts_field(record, "positive", where), others, ordered)
