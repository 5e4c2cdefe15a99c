"""Jobs on Ray: a pool of actors that load the model once each, and score one shard after the other."""

import json
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import uuid4

from secondpass.arguments import describe_error
from secondpass.errors import InputError, ScoringError
from secondpass.jobs.on_ray.lost_workers import in_our_words, marked, telling_what_was_lost
from secondpass.jobs.on_ray.workers import RETRIES, RayWorkers, named_options
from secondpass.jobs.planning.job import Job
from secondpass.jobs.running.engine import load
from secondpass.jobs.running.score_shard import ShardScorer
from secondpass.jobs.scoring.checked_scorer import checked_scorer
from secondpass.jobs.scoring.model_identity import identity_of
from secondpass.jobs.shards import Shard
from secondpass.jobs.writing.shard_record import ShardRecord
from secondpass.options import ModelOptions
from secondpass.ranking import Scorer

# The share of a pool's workers that have a shard, from which on it grows, by as many as would make the share this: the
# nearer to 0.5, from which down it shrinks, the fewer steps there are, of which each is a worker's start.
_BUSY: Final = 0.6


class RayEngine:
    """Scores shards in the workers of a Ray cluster, which reach the same files under the same names.

    A worker that dies is replaced, and its shard is scored again, up to `RETRIES` times.

    Args:
        model: See `score_files`, as for the next two.
        scorer: See `score_files`.
        options: See `score_files`.
        workers: Where they are.
    """

    def __init__(self, model: str | None, scorer: Scorer | None, options: ModelOptions, workers: RayWorkers) -> None:
        self._worker: dict[str, Any] = {
            "scorer": checked_scorer(model, scorer, options, share=False),
            "options": options,
        }
        self._workers = workers
        self._identity: dict[str, object] = {}
        workers.connect()

    def identity(self) -> dict[str, object]:
        """See `Engine`; it is a worker's, which may have other devices than this process.

        Raises:
            ScoringError: No worker survives that.
        """
        import ray  # noqa: PLC0415 - an extra

        worker = self._worker
        found: dict[str, object] | bytes
        with in_our_words(lambda said: f"no worker lived to load the model. Ray says: {said}"):
            ask = ray.remote(max_calls=1, num_cpus=self._workers.cpus, num_gpus=self._workers.gpus_each())(_identity)
            found = _result(ask.remote(worker["scorer"], worker["options"]))
        if isinstance(found, bytes):
            raise pickle.loads(found)  # noqa: S301 - of our own worker
        self._identity = found
        return found

    def score(self, job: Job, shards: Sequence[Shard], on_rows: Callable[[int], object]) -> Iterator[ShardRecord]:
        """See `Engine`; rows are told of shard by shard.

        Raises:
            ScoringError: A shard was not survived by as many workers as get it, or the cluster was lost.
        """
        if not shards:
            return
        # Workers have working folders of their own.
        job = replace(
            job,
            output=job.output.absolute(),
            files=tuple(path.absolute() for path in job.files),
            run_texts=None if job.run_texts is None else job.run_texts.absolute(),
        )
        worker = {"job": job, "call": uuid4().hex, "identity": self._identity, **self._worker}
        rows = _rows(tuple(shards), worker, self._workers)
        while True:
            with telling_what_was_lost(job, shards, worker["call"]):
                row = next(rows, None)
            if row is None:
                return
            if row["error"]:
                raise pickle.loads(row["error"])  # noqa: S301 - of our own workers
            record = ShardRecord.from_json(json.loads(row["record"]))
            on_rows(record.n_rows + record.n_bad)
            yield record


def _rows(shards: Sequence[Shard], worker: Mapping[str, Any], workers: RayWorkers) -> Iterator[Mapping[str, Any]]:
    """What `_ShardWorker` says of each shard, as it is finished."""
    import ray  # noqa: PLC0415 - an extra

    if ray.util.client.ray.is_connected():
        # No actor can stream through Ray's client, as those of Ray Data do: the cluster itself asks for them.
        there = ray.remote(num_cpus=0)(_all_rows)
        all_rows: list[Mapping[str, Any]] = _result(there.remote(shards, worker, workers))
        yield from all_rows
    else:
        yield from _rows_here(shards, worker, workers)


def _result(reference: Any) -> Any:  # noqa: ANN401 - of whatever task
    """What a task returned; raise its error, or Ray's.

    Through a client `ray.get` asks for ever where a cluster is gone, and a future is told of that.
    """
    return reference.future().result()


def _rows_here(shards: Sequence[Shard], worker: Mapping[str, Any], workers: RayWorkers) -> Iterator[Mapping[str, Any]]:
    """The same, asked for by a process of the cluster."""
    import ray  # noqa: PLC0415 - an extra

    # One block per shard: fused, they would all go to one worker.
    numbers = ray.data.from_items([{"shard": number} for number in range(len(shards))], override_num_blocks=len(shards))
    numbers.context.enable_progress_bars = False  # rows are told of where the job runs
    # Ray adds workers where each has 1.75 tasks, so that one with no queue would never get company.
    numbers.context.autoscaling_config.actor_pool_util_upscaling_threshold = _BUSY
    with named_options():
        done = numbers.map_batches(
            _ShardWorker,
            fn_constructor_args=(shards,),
            fn_constructor_kwargs=dict(worker),
            # No shard in a worker's queue: there it would wait though another worker has nothing to do.
            compute=workers.pool(tasks_each=1),
            batch_size=1,
            num_cpus=workers.cpus,
            num_gpus=workers.gpus_each(),
            max_task_retries=RETRIES,
        )
    yield from done.iter_rows()


def _all_rows(shards: Sequence[Shard], worker: Mapping[str, Any], workers: RayWorkers) -> list[Mapping[str, Any]]:
    found = []
    for row in _rows_here(shards, worker, workers):
        found.append(row)
        if row["error"]:  # the job ends with it: no other shard has to be waited for
            break
    return found


class _ShardWorker:
    """What a worker runs: it scores shards and writes them itself, and only their records travel."""

    def __init__(
        self,
        shards: Sequence[Shard],
        *,
        job: Job,
        call: str,
        identity: Mapping[str, object],
        scorer: Scorer,
        options: ModelOptions,
    ) -> None:
        self._shards = shards
        self._job = job
        self._call = call
        self._error: Exception | None = None
        try:
            self._scorer = ShardScorer(job, _load_same(identity, scorer, options))
        except Exception as error:  # noqa: BLE001 - an actor that raises is started again, for ever
            self._error = error

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, list[Any]]:
        (number,) = batch["shard"]
        if self._error is not None:
            return _failed(self._error)
        shard = self._shards[int(number)]
        try:
            with marked(self._job, shard, self._call):
                record = self._scorer.score(shard)
        except Exception as error:  # noqa: BLE001 - it is raised where the job runs
            return _failed(error)
        return {"record": [json.dumps(record.as_json())], "error": [b""]}


def _load_same(identity: Mapping[str, object], scorer: Scorer, options: ModelOptions) -> Scorer:
    """The loaded scorer; raise InputError where its scores would not be those of the job."""
    loaded = load(scorer)
    here = identity_of(loaded, options)
    differing = ", ".join(f"{name} {value}" for name, value in here.items() if value != identity.get(name))
    if differing:
        raise InputError(f"options must make all workers load the same, one has {differing}: give dtype or device")
    return loaded


def _failed(error: Exception) -> dict[str, list[Any]]:
    return {"record": [""], "error": [_pickled(error)]}


def _pickled(error: Exception) -> bytes:
    """An error that can travel; one that cannot, in words."""
    try:
        data = pickle.dumps(error)
        pickle.loads(data)  # noqa: S301 - our own
    except Exception:  # noqa: BLE001 - whatever its arguments do
        return pickle.dumps(ScoringError(describe_error(error)))
    return data


def _identity(scorer: Scorer, options: ModelOptions) -> dict[str, object] | bytes:
    """What tells the scorer from others, or the error that it raises: Ray would put its own words around that."""
    try:
        return identity_of(load(scorer), options)
    except Exception as error:  # noqa: BLE001 - it is raised where the job runs
        return _pickled(error)
