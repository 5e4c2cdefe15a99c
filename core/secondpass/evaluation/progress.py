"""Score many queries one after the other, so that an interrupted evaluation continues from what it wrote."""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TextIO, TypeAlias, TypeVar

from secondpass.errors import InputError, ScoringError
from secondpass.files.text import read_text
from secondpass.ranking import Scorer, read_pairs

_T = TypeVar("_T")

# Told how many queries are done, and of how many.
ProgressCallback: TypeAlias = Callable[[int, int], None]

# The keys of a progress file's first line, which say what the file belongs to, and how errors put a mismatch.
_JOB = {"model": "another model", "requests": "other queries, documents or depth"}


@dataclass(frozen=True, slots=True)
class Candidates:
    """A query, and the documents that are scored for it in one call."""

    query: str
    documents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CandidateScores:
    """A scorer's answer for the candidates of one query.

    Args:
        scores: One score per document, in the scorer's unit.
        seconds: Wall-clock time of scoring them.
        truncated: Whether a part of each document, or of the query beside it, was not read; None where nobody says.
        raw_scores: What orders documents of equal scores, as in `RankedDocument`; None where nothing mapped the scores.
    """

    scores: tuple[float, ...]
    seconds: float
    truncated: tuple[bool, ...] | None = None
    raw_scores: tuple[float, ...] | None = None


def score_all(
    scorer: Scorer,
    candidates: Mapping[str, Candidates],
    *,
    name: str = "",
    progress_file: Path | None = None,
    progress: ProgressCallback | None = None,
) -> dict[str, CandidateScores]:
    """Score the candidates of each query.

    Args:
        scorer: The model, asked for what it read or for a ranking where it gives these; not called where there are no
            documents.
        candidates: The queries and their documents, by any key.
        name: What tells this scorer's progress from another one's: the model, and whatever else its scores depend on,
            such as `CrossEncoder.fingerprint()`.
        progress_file: JSON lines, one per finished query; what it holds is not scored again.
        progress: Called after each query.

    Returns:
        The scores, by the keys of `candidates`.

    Raises:
        InputError: The progress is that of another job: another name, other queries or other documents.
        ScoringError: The scorer gave NaN, or not one score per document.
    """
    job = {"model": name, "requests": _digest(candidates)}
    done = {} if progress_file is None else _read(progress_file, job)
    with _appending(progress_file, job, fresh=not done) as file:
        for n_done, (key, to_score) in enumerate(candidates.items(), 1):
            if key not in done:
                done[key] = _score(scorer, key, to_score)
                if file is not None:
                    file.write(json.dumps({"key": key, **asdict(done[key])}) + "\n")
                    file.flush()
            if progress is not None:
                progress(n_done, len(candidates))
    return {key: done[key] for key in candidates}


def _score(scorer: Scorer, key: str, candidates: Candidates) -> CandidateScores:
    if not candidates.documents:
        return CandidateScores((), 0.0, ())
    started = time.perf_counter()
    try:
        answer = _ask(scorer, candidates)
    except ScoringError as error:
        raise ScoringError(f"query {key!r}: {error}") from error
    return replace(answer, seconds=time.perf_counter() - started)


def _ask(scorer: Scorer, candidates: Candidates) -> CandidateScores:
    readings = read_pairs(scorer, [(candidates.query, document) for document in candidates.documents])
    truncated = readings.truncated.tolist()
    return CandidateScores(
        tuple(readings.scores.tolist()),
        0.0,
        None if None in truncated else tuple(truncated),
        None if readings.raw_scores is None else tuple(readings.raw_scores.tolist()),
    )


def _digest(candidates: Mapping[str, Candidates]) -> str:
    digest = hashlib.sha256()
    for key, of_query in candidates.items():
        digest.update(json.dumps([key, of_query.query, of_query.documents]).encode())
    return digest.hexdigest()


def _read(path: Path, job: Mapping[str, str]) -> dict[str, CandidateScores]:
    """The scores of finished queries; a last line that a kill left incomplete does not count, and is removed.

    Raises:
        InputError: The file is that of another job, or not a progress file.
    """
    if not path.exists():
        return {}
    text = read_text(path)
    whole, _, incomplete = text.rpartition("\n")
    if incomplete:
        path.write_text(text.removesuffix(incomplete), encoding="utf-8")
    try:
        records = [json.loads(line) for line in whole.split("\n") if line]
        differing = [what for name, what in _JOB.items() if records and records[0][name] != job[name]]
        # Earlier versions do not say what orders equal probabilities.
        done = {record["key"]: _candidate_scores(record) for record in records[1:] if "raw_scores" in record}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{path} is not the progress of an evaluation; remove it") from error
    if differing:
        raise InputError(f"{path} holds another job's progress, of {' and '.join(differing)}; remove it")
    return done


def _candidate_scores(record: Mapping[str, Any]) -> CandidateScores:
    return CandidateScores(
        tuple(record["scores"]), record["seconds"], _as_tuple(record["truncated"]), _as_tuple(record["raw_scores"])
    )


def _as_tuple(values: Sequence[_T] | None) -> tuple[_T, ...] | None:
    return None if values is None else tuple(values)


@contextmanager
def _appending(path: Path | None, job: Mapping[str, str], *, fresh: bool) -> Iterator[TextIO | None]:
    if path is None:
        yield None
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w" if fresh else "a", encoding="utf-8") as file:
        if fresh:
            file.write(json.dumps(job) + "\n")
            file.flush()
        yield file


class _Read(Protocol):
    @property
    def truncated(self) -> tuple[bool, ...] | None: ...


def count_truncated(results: Iterable[_Read]) -> int | None:
    """How many documents of these results were truncated; None where a scorer did not say."""
    flags = [result.truncated for result in results]
    return None if None in flags else sum(sum(of_query) for of_query in flags if of_query is not None)
