"""Re-ranking sets: one query, its positives, and the documents they compete with; JSON lines."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from secondpass.errors import InputError
from secondpass.evaluation.card_metrics import Scores, SetMetrics, mean, set_metrics
from secondpass.evaluation.progress import Progress, Request, score_all
from secondpass.files import json_lines
from secondpass.ranking import Scorer


@dataclass(frozen=True, slots=True)
class RerankingSample:
    """One query of a re-ranking set.

    Args:
        query: What is asked.
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
        """What is re-ranked: all positives, then the rest."""
        if not self.ordered:
            return self.positives + self.others
        return self.positives + tuple(text for text in self.others if text not in self.positives)

    @property
    def relevant(self) -> tuple[bool, ...]:
        """Whether each of `documents` is a positive."""
        return tuple(place < len(self.positives) for place in range(len(self.documents)))


@dataclass(frozen=True, slots=True)
class SetResult:
    """A re-ranking set's figures.

    Args:
        n_queries: All samples, those without positives included.
        reranked: After re-ranking.
        base: Of the given order, where there is one.
        seconds: Wall-clock time of scoring.
    """

    n_queries: int
    reranked: SetMetrics
    base: SetMetrics | None
    seconds: float = 0.0


def read_samples(path: Path) -> list[RerankingSample]:
    """The samples of a JSONL file (gz too): `query`, `positive` and either `negative` or `documents`.

    Raises:
        InputError: A line is not such a sample, and the message names file and line; or there is none.
    """
    samples = [_sample(line, where) for where, line in json_lines(path)]
    if not samples:
        raise InputError(f"{path}: a re-ranking set must hold at least one sample, got none")
    return samples


def evaluate_samples(
    scorer: Scorer,
    samples: Iterable[RerankingSample],
    *,
    k: int = 10,
    progress_file: Path | None = None,
    name: str = "",
    progress: Progress | None = None,
) -> SetResult:
    """Re-rank every sample and average.

    Queries without positives count as 0, like sentence-transformers counts them; a sample with one document or none is
    no error here. The given order, where there is one, counts with missing positives appended.

    Args:
        scorer: Scores the documents.
        samples: The set.
        k: The cut-off of MRR and NDCG, at least 1.
        progress_file: JSON lines, one a finished sample; what it holds is not scored again.
        name: See `score_all`.
        progress: Told after each sample.

    Raises:
        InputError: The progress is that of another job.
        ScoringError: The scorer gave NaN, or not one score a document.
    """
    if k < 1:
        raise InputError(f"k must be at least 1, got {k}")
    numbered = {str(number): sample for number, sample in enumerate(samples, 1)}
    # Without positives no order changes the figures.
    requests = {
        number: Request(sample.query, sample.documents if sample.positives else ())
        for number, sample in numbered.items()
    }
    found = score_all(scorer, requests, name=name, progress_file=progress_file, progress=progress)
    reranked = [
        set_metrics(sample.relevant if sample.positives else (), _array(found[number].scores), k)
        for number, sample in numbered.items()
    ]
    base = [_base(sample, k) for sample in numbered.values() if sample.ordered]
    seconds = sum(one.seconds for one in found.values())
    return SetResult(len(reranked), mean(reranked), mean(base) if base else None, seconds)


def _array(scores: Sequence[float]) -> Scores:
    """Scores in the precision they came in, which decides how numpy's sort orders ties."""
    double = np.asarray(scores, dtype=np.float64)
    with np.errstate(over="ignore"):
        single = double.astype(np.float32)
    return single if (single == double).all() else double


def _base(sample: RerankingSample, k: int) -> SetMetrics:
    relevant = [text in sample.positives for text in sample.others]
    if not any(relevant):
        return set_metrics((), (), k)
    relevant += [True] * (len(sample.positives) - sum(relevant))
    return set_metrics(relevant, list(range(len(relevant), 0, -1)), k)


def _sample(line: dict[str, object], where: str) -> RerankingSample:
    query = line.get("query")
    if not isinstance(query, str):
        raise InputError(f"{where}: query must be a string, got {query!r}")
    if ("negative" in line) == ("documents" in line):
        raise InputError(f"{where}: a sample must have exactly one of negative and documents, got {sorted(line)}")
    ordered = "documents" in line
    others = tuple(_texts(line, "documents" if ordered else "negative", where))
    return RerankingSample(query, tuple(_texts(line, "positive", where)), others, ordered)


def _texts(line: dict[str, object], name: str, where: str) -> Iterator[str]:
    value = line.get(name)
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise InputError(f"{where}: {name} must be a string or a list of strings, got {value!r}")
    yield from texts
