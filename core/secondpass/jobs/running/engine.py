"""What scores a job's shards: this process, or others."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from secondpass.adapters.lazy import LazyCrossEncoder
from secondpass.jobs.planning.job import Job
from secondpass.jobs.running.score_shard import ShardScorer
from secondpass.jobs.scoring.checked_scorer import checked_scorer
from secondpass.jobs.scoring.model_identity import identity_of
from secondpass.jobs.shards import Shard
from secondpass.jobs.writing.shard_record import ShardRecord
from secondpass.options import ModelOptions
from secondpass.ranking import Loadable, Scorer


class Engine(Protocol):
    """Scores shards, wherever that is."""

    def identity(self) -> dict[str, object]:
        """What the scores depend on, by name; the model is loaded for it."""
        ...

    def score(self, job: Job, shards: Sequence[Shard], on_rows: Callable[[int], object]) -> Iterator[ShardRecord]:
        """The record of each shard as it is finished, in any order.

        Args:
            job: Whose shards they are.
            shards: Those to score.
            on_rows: Told how many rows more are done, now and then.
        """
        ...


class LocalEngine:
    """Scores shards in this process, one after the other.

    Args:
        model: See `score_files`, as for the next two.
        scorer: See `score_files`.
        options: See `score_files`.
    """

    def __init__(self, model: str | None, scorer: Scorer | None, options: ModelOptions) -> None:
        self._scorer = load(checked_scorer(model, scorer, options, share=False))
        self._options = options

    def identity(self) -> dict[str, object]:
        """See `Engine`."""
        return identity_of(self._scorer, self._options)

    def score(self, job: Job, shards: Sequence[Shard], on_rows: Callable[[int], object]) -> Iterator[ShardRecord]:
        """See `Engine`."""
        scorer = ShardScorer(job, self._scorer)
        for shard in shards:
            yield scorer.score(shard, on_rows)


def load(scorer: Scorer) -> Scorer:
    """The scorer with its model loaded, or its service asked; the model itself, which takes streams."""
    if isinstance(scorer, LazyCrossEncoder):
        return scorer.load()
    if isinstance(scorer, Loadable):
        scorer.load()
    return scorer
