"""Score many requests one after the other, so that an interrupted run continues from what it wrote."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

from secondpass.errors import InputError, ScoringError
from secondpass.files import read_text
from secondpass.ranking import Scorer
from secondpass.ranking.checks import check_scores

Progress = Callable[[int, int], None]
"""Told how many requests are done, and of how many."""

_JOB = {"model": "another model", "requests": "other queries, documents or depth"}
"""What a progress file belongs to, and how a mismatch is put."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a scorer is asked at once."""

    query: str
    documents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scored:
    """What a scorer answered.

    Args:
        scores: One a document, in the scorer's unit.
        seconds: Wall-clock time of scoring them.
    """

    scores: tuple[float, ...]
    seconds: float


def score_all(
    scorer: Scorer,
    requests: Mapping[str, Request],
    *,
    name: str = "",
    progress_file: Path | None = None,
    progress: Progress | None = None,
) -> dict[str, Scored]:
    """Each request's scores, by its key.

    Args:
        scorer: The model; not asked where there are no documents.
        requests: What to score, by any key.
        name: The scorer's, so that another model's progress is not taken for its own; with whatever else its scores
            depend on, such as `CrossEncoder.fingerprint()`.
        progress_file: JSON lines, one a finished request; what it holds is not scored again.
        progress: Told after each request.

    Raises:
        InputError: The progress is that of another job: another name, other queries or other documents.
        ScoringError: The scorer gave NaN, or not one score a document.
    """
    job = {"model": name, "requests": _digest(requests)}
    done = {} if progress_file is None else _read(progress_file, job)
    with _appending(progress_file, job, fresh=not done) as file:
        for place, (key, request) in enumerate(requests.items(), 1):
            if key not in done:
                done[key] = _scored(scorer, key, request)
                if file is not None:
                    file.write(json.dumps({"key": key, **asdict(done[key])}) + "\n")
                    file.flush()
            if progress is not None:
                progress(place, len(requests))
    return {key: done[key] for key in requests}


def _scored(scorer: Scorer, key: str, request: Request) -> Scored:
    if not request.documents:
        return Scored((), 0.0)
    started = time.perf_counter()
    scores = scorer.score(request.query, request.documents)
    seconds = time.perf_counter() - started
    try:
        return Scored(tuple(check_scores(scores, len(request.documents)).tolist()), seconds)
    except ScoringError as error:
        raise ScoringError(f"query {key!r}: {error}") from error


def _digest(requests: Mapping[str, Request]) -> str:
    digest = hashlib.sha256()
    for key, request in requests.items():
        digest.update(json.dumps([key, request.query, request.documents]).encode())
    return digest.hexdigest()


def _read(path: Path, job: Mapping[str, str]) -> dict[str, Scored]:
    """Finished requests; a last line cut short by a kill does not count, and is removed.

    Raises:
        InputError: The file is that of another job, or none of ours.
    """
    if not path.exists():
        return {}
    text = read_text(path)
    whole, _, cut = text.rpartition("\n")
    if cut:
        path.write_text(text.removesuffix(cut), encoding="utf-8")
    try:
        records = [json.loads(line) for line in whole.split("\n") if line]
        differing = [what for name, what in _JOB.items() if records and records[0][name] != job[name]]
        done = {record["key"]: Scored(tuple(record["scores"]), record["seconds"]) for record in records[1:]}
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not the progress of an evaluation; remove it") from error
    if differing:
        raise InputError(f"{path} holds another job's progress, of {' and '.join(differing)}; remove it")
    return done


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
