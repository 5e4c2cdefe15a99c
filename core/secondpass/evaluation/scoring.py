"""Score the candidates of many queries, one query after the other."""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from secondpass.errors import ScoringError
from secondpass.evaluation.candidates import Candidates, CandidateScores
from secondpass.evaluation.progress_file import append, appending, job_of, read_finished
from secondpass.ranking import Scorer, known_fingerprint, read_pairs

# Told how many queries are done, and of how many.
ProgressCallback: TypeAlias = Callable[[int, int], None]


def score_all(
    scorer: Scorer,
    candidates: Mapping[str, Candidates],
    *,
    progress_file: Path | None = None,
    progress: ProgressCallback | None = None,
) -> dict[str, CandidateScores]:
    """Score the candidates of each query.

    Args:
        scorer: The model, asked for what it read or for a ranking where it gives these; not called where there are no
            documents.
        candidates: The queries and their documents, by any key.
        progress_file: JSON lines, one per finished query; what it holds is not scored again. It is this scorer's by its
            fingerprint, or by its class where it has none.
        progress: Called after each query.

    Returns:
        The scores, by the keys of `candidates`.

    Raises:
        InputError: The progress is that of another job: another model, other queries or other documents.
        ScoringError: The scorer gave NaN, or not one score per document.
    """
    done: dict[str, CandidateScores] = {}
    with ExitStack() as stack:
        file = None
        if progress_file is not None:
            job = job_of(known_fingerprint(scorer) or type(scorer).__name__, candidates)
            done = read_finished(progress_file, job)
            file = stack.enter_context(appending(progress_file, job))
        for n_done, (key, to_score) in enumerate(candidates.items(), 1):
            if key not in done:
                done[key] = _score(scorer, key, to_score)
                if file is not None:
                    append(file, key, done[key])
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
