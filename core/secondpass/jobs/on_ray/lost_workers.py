"""Which shards were not survived by the workers that had them: Ray says of a worker that it ended, and not with what.

A worker marks its shard before it begins, in a file beside the shard's record, and takes the mark away when it is
through with it. What is left are the marks of those that were killed.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from secondpass.arguments import describe_error
from secondpass.errors import ScoringError
from secondpass.files.whole_files import UNFINISHED, writing_to
from secondpass.jobs.on_ray.workers import RETRIES
from secondpass.jobs.planning.job import Job
from secondpass.jobs.shards import Shard


@contextmanager
def marked(job: Job, shard: Shard, call: str) -> Iterator[None]:
    """Have the shard marked in the context, and for good where the process is killed in it.

    Args:
        job: Whose shard it is.
        shard: One that is scored.
        call: What tells this call of the job from others, of which workers may be at work still.

    Raises:
        OSError: The output cannot be written.
    """
    path = _mark(job, shard, call)
    with writing_to(path), path.open("ab") as file:
        file.write(b"x")
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def telling_what_was_lost(job: Job, shards: Sequence[Shard], call: str) -> Iterator[None]:
    """Say of an error of Ray's which shard it is about, where workers were killed with one.

    Args:
        job: Whose shards they are.
        shards: Those that are scored in the context.
        call: As for `marked`.

    Raises:
        ScoringError: Ray raised an error, which is its cause.
    """
    with in_our_words(lambda said: _of_shards(job, shards, call, said)):
        yield


@contextmanager
def in_our_words(say: Callable[[str], str]) -> Iterator[None]:
    """Raise an error of Ray's as one of ours; no other code than Ray's may raise in the context.

    Args:
        say: Makes the message of what Ray says.

    Raises:
        ScoringError: Ray raised an error, which is its cause.
    """
    from ray.exceptions import RayError, RayTaskError  # noqa: PLC0415 - an extra

    try:
        yield
    except ConnectionError as error:  # its text is a page of gRPC's
        raise ScoringError(say("ConnectionError, the cluster cannot be reached any more")) from error
    except RayError as error:
        told = error.cause if isinstance(error, RayTaskError) and isinstance(error.cause, Exception) else error
        # Where a worker could not begin, what it lacks stands at the end.
        *_, last = [line.strip() for line in str(told).splitlines() if line.strip()] or [""]
        said = describe_error(told)
        raise ScoringError(say(said if said.endswith(last) else f"{said} … {last}")) from error


def _of_shards(job: Job, shards: Sequence[Shard], call: str, said: str) -> str:
    for shard in shards:
        path = _mark(job, shard, call)
        n_ended = path.stat().st_size if path.exists() else 0
        if n_ended > RETRIES:
            rows = f"rows {shard.first_row + 1} to {shard.first_row + shard.n_rows} of {job.files[shard.file]}"
            return f"{shard.name}, {rows}, went to {n_ended} workers, and all were killed with it. Ray says: {said}"
    return f"Ray did not finish the job, which goes on from there when it is called again. Ray says: {said}"


def _mark(job: Job, shard: Shard, call: str) -> Path:
    return job.records_folder / f".{shard.name}.{call}{UNFINISHED}"
