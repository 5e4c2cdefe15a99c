"""A file of the queries that are finished, by which an interrupted evaluation continues from what it wrote."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO, TypeVar

from secondpass.errors import InputError
from secondpass.evaluation.candidates import Candidates, CandidateScores
from secondpass.files.text import read_text
from secondpass.files.whole_files import write_text

_T = TypeVar("_T")

# The keys of a progress file's first line, which say what the file belongs to, and how errors put a mismatch.
_JOB = {"model": "another model", "requests": "other queries, documents or depth"}
_FOREIGN = "is not the progress of an evaluation; remove it"


def job_of(name: str, candidates: Mapping[str, Candidates]) -> dict[str, str]:
    """What tells the progress of one evaluation from another one's.

    Args:
        name: What the scores depend on: the scorer's fingerprint.
        candidates: The queries and their documents, by any key.
    """
    digest = hashlib.sha256()
    for key, of_query in candidates.items():
        digest.update(json.dumps([key, of_query.query, of_query.documents]).encode())
    return {"model": name, "requests": digest.hexdigest()}


def read_finished(path: Path, job: Mapping[str, str]) -> dict[str, CandidateScores]:
    """The scores of finished queries; a last line that a kill left incomplete does not count, and is removed.

    Raises:
        InputError: The file is that of another job, or not a progress file, and is left as it is.
    """
    if not path.exists():
        return {}
    text = read_text(path)
    whole, _, incomplete = text.rpartition("\n")
    try:
        records = [json.loads(line) for line in whole.split("\n") if line]
        differing = [what for name, what in _JOB.items() if records and records[0][name] != job[name]]
        # Earlier versions do not say what orders equal probabilities.
        done = {record["key"]: _candidate_scores(record) for record in records[1:] if "raw_scores" in record}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{path} {_FOREIGN}") from error
    if not records and not _first_line(job).startswith(text):
        raise InputError(f"{path} {_FOREIGN}")
    if differing:
        raise InputError(f"{path} holds another job's progress, of {' and '.join(differing)}; remove it")
    if incomplete:
        write_text(path, text.removesuffix(incomplete))
    return done


@contextmanager
def appending(path: Path, job: Mapping[str, str]) -> Iterator[TextIO]:
    """The file, to append finished queries to.

    Several processes that evaluate the same may append to one file: all lines stay whole.

    Args:
        path: Where it is.
        job: Of `job_of`, with which a new file begins.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        if not file.tell():
            file.write(_first_line(job))
            file.flush()
        yield file


def append(file: TextIO, key: str, scores: CandidateScores) -> None:
    """Note that a query is finished."""
    file.write(json.dumps({"key": key, **asdict(scores)}) + "\n")
    file.flush()


def _first_line(job: Mapping[str, str]) -> str:
    return json.dumps(job) + "\n"


def _candidate_scores(record: Mapping[str, Any]) -> CandidateScores:
    return CandidateScores(
        tuple(record["scores"]), record["seconds"], _as_tuple(record["truncated"]), _as_tuple(record["raw_scores"])
    )


def _as_tuple(values: Sequence[_T] | None) -> tuple[_T, ...] | None:
    return None if values is None else tuple(values)
