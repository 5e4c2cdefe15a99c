"""Re-ranking sets: one query, its positives, and the documents they compete with; JSON lines."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from secondpass.errors import InputError
from secondpass.files import json_lines
from secondpass.evaluation.set_metrics import SetMetrics, mean, set_metrics
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
    """A re-ranking set's figures: after re-ranking, and of the given order where there is one."""

    n_queries: int
    reranked: SetMetrics
    base: SetMetrics | None


def read_samples(path: Path) -> list[RerankingSample]:
    """The samples of a JSONL file (gz too): `query`, `positive` and either `negative` or `documents`.

    Raises:
        InputError: A line is not such a sample; the message names file and line.
    """
    return [_sample(line, where) for where, line in json_lines(path)]


def evaluate_samples(scorer: Scorer, samples: Iterable[RerankingSample], *, k: int = 10) -> SetResult:
    """Re-rank every sample and average.

    Queries without positives count as 0, like sentence-transformers counts them; a sample with one document or none is
    no error here. The given order, where there is one, counts with missing positives appended.

    Args:
        scorer: Scores the documents.
        samples: The set.
        k: The cut-off of MRR and NDCG, at least 1.
    """
    if k < 1:
        raise InputError(f"k must be at least 1, got {k}")
    reranked, base = [], []
    for sample in samples:
        documents = sample.documents if sample.positives else ()
        scores = scorer.score(sample.query, documents) if documents else ()
        reranked.append(set_metrics(sample.relevant if documents else (), scores, k))
        if sample.ordered:
            base.append(_base(sample, k))
    return SetResult(len(reranked), mean(reranked), mean(base) if base else None)


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
